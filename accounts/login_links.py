"""From an app to the dashboard without a password: links that an app asks for and a browser redeems once."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.errors import DomainError
from accounts.models import ClientApp, LoginLink, User

LIFETIME = timedelta(seconds=60)  # contract, section 4


def issue(*, user: User, app: ClientApp) -> tuple[LoginLink, str]:
    """A link that signs `user` in once, within 60 seconds, and the URL that is nowhere else."""
    token = secrets.token_urlsafe(32)
    link = LoginLink.objects.create(token_hash=_digest(token), user=user, app=app, expires_at=timezone.now() + LIFETIME)
    return link, f"{settings.PUBLIC_URL}{reverse('login_link', args=[token])}"


@transaction.atomic
def redeem(*, token: str) -> User | None:
    """The person this token signs in, or None: it is unknown, too old or used, or its app may not act for them now.

    Of racing attempts with one token exactly one gets the person."""
    now = timezone.now()
    fresh = LoginLink.objects.filter(token_hash=_digest(token), used_at__isnull=True, expires_at__gt=now)
    link = fresh.select_related("app", "user").first()
    if link is None or not fresh.update(used_at=now) or not link.app.is_active:
        return None
    try:
        return services.reach(app=link.app, user_id=link.user.user_id)
    except DomainError:
        return None


def prune() -> int:
    """Delete the links that are too old to be followed and return how many there were."""
    return LoginLink.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
