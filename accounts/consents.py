"""What a person lets an app do in their name: asked in words, remembered with the connection, over when that ends."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApp, Connection, User

# Every scope that can be asked for at "Sign in with Unified", in the order and the words of the consent page.
WORDS: dict[str, Promise] = {
    "openid": _("Know that it is you: your Unified user ID"),
    "profile": _("See your name"),
    "email": _("See your email address"),
    "credits:read": _("See your account, your credits and what they were spent on"),
    "credits:charge": _("Spend your credits, up to the daily cap you set"),
    "workspace:read": _("See what all your apps made for you"),
    "workspace:write": _("Save to your workspace, and change what it saved there"),
    "events:read": _("Hear about changes to your credits and projects"),
}
SCOPES = tuple(WORDS)


@transaction.atomic
def give(*, user: User, slug: str, scopes: Iterable[str]) -> None:
    """Let the app act for `user` with `scopes` besides those it has, and connect it if it was not."""
    app = ClientApp.objects.get(slug=slug)
    Connection.objects.get_or_create(user=user, app=app)
    connection = Connection.objects.select_for_update().get(user=user, app=app)
    before = set() if connection.disconnected_at else set(connection.consented_scopes)
    connection.consented_scopes = _in_order(before | set(scopes))
    connection.consented_at, connection.disconnected_at = timezone.now(), None
    connection.save(update_fields=["consented_scopes", "consented_at", "disconnected_at"])


def covers(*, user: User, slug: str, scopes: Iterable[str]) -> bool:
    """Whether the person agreed to all of `scopes` before, and has not disconnected the app since."""
    connection = standing(user=user, slug=slug)
    return connection is not None and set(scopes) <= set(connection.consented_scopes)


def standing(*, user: User, slug: str, lock: bool = False) -> Connection | None:
    """The connection on which an app may act for `user` now; locked, it cannot end before the transaction does."""
    rows = Connection.objects.select_for_update(of=("self",)) if lock else Connection.objects.all()
    rows = rows.filter(user=user, app__slug=slug, app__is_active=True, disconnected_at__isnull=True)
    return rows.filter(user__is_active=True, user__is_staff=False).select_related("app").first()


def in_words(scopes: Iterable[str]) -> list[Promise]:
    """The scopes as a person reads them."""
    return [WORDS[scope] for scope in _in_order(set(scopes))]


def _in_order(scopes: set[str]) -> list[str]:
    return [scope for scope in SCOPES if scope in scopes]
