"""Registers people, issues and checks app keys, and decides whom an app may act for."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import AppNotConnected, EmailTaken, InvalidField, UserNotFound
from accounts.models import DEFAULT_SCOPES, SCOPES, USER_ID_PATTERN, ApiKey, ClientApp, Connection, User

LOOKUP_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
LAST_USED_EVERY = timedelta(minutes=1)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_api_key(*, app: ClientApp, scopes: Sequence[str] | None = None, label: str = "") -> tuple[ApiKey, str]:
    """Issue a key for `app` and return it with its plaintext, which is not kept and cannot be shown again.

    `scopes` defaults to everything but `credits:grant` and `credits:refund`. The secret has 256 bits, so a plain
    SHA-256 of it is enough. Raises InvalidField for an unknown scope."""
    chosen = list(DEFAULT_SCOPES if scopes is None else dict.fromkeys(scopes))
    for scope in chosen:
        if scope not in SCOPES:
            raise InvalidField("scopes", f"'{scope}' is not a scope. The scopes are: {', '.join(SCOPES)}.")
    lookup = "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(8))
    secret = secrets.token_hex(32)
    key = ApiKey.objects.create(app=app, lookup=lookup, secret_hash=_digest(secret), scopes=chosen, label=label)
    return key, f"unk_{lookup}_{secret}"


def authenticate_key(*, plaintext: str) -> ApiKey | None:
    """The live key that `plaintext` opens, or None. Its last use is noted at most once a minute."""
    match = re.fullmatch(r"unk_([a-z0-9]{8})_([0-9a-f]{64})", plaintext)
    if match is None:
        return None
    key = ApiKey.objects.live().select_related("app").filter(lookup=match[1]).first()
    # Compared even when no key was found, so that a known lookup does not show in the time taken.
    expected = key.secret_hash if key else "0" * 64
    if not hmac.compare_digest(_digest(match[2]), expected) or key is None:
        return None
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def revoke_api_key(*, key: ApiKey) -> None:
    """Close a key for good; calls with it are 401 from the next one on."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


@transaction.atomic
def register(*, user_id: str, username: str, email: str, app: ClientApp) -> tuple[User, bool]:
    """Make the person `user_id`, or update their name and email, and connect `app`; says whether they are new.

    Only a first-party app updates a person who exists. Raises EmailTaken when the email is another person's,
    AppNotConnected when the person disconnected the app or is staff."""
    email = email.lower()
    if User.objects.filter(email=email).exclude(user_id=user_id).exists():
        raise EmailTaken("This email address belongs to another user.")
    user, created = _get_or_create(user_id, username, email)
    if user.is_staff:
        raise AppNotConnected("Apps do not act for staff.")
    connect(user=user, app=app)
    # Whoever sets the address can have the password reset: for an app of others it stays as it is.
    if not created and app.first_party and (user.username, user.email) != (username, email):
        _rename(user, username, email)
    return user, created


def _rename(user: User, username: str, email: str) -> None:
    user.username, user.email = username, email
    try:
        with transaction.atomic():
            user.save(update_fields=["username", "email"])
    except IntegrityError:
        # A racing call gave the email to another person after we looked.
        raise EmailTaken("This email address belongs to another user.") from None


def _get_or_create(user_id: str, username: str, email: str) -> tuple[User, bool]:
    user = User.objects.select_for_update().filter(user_id=user_id).first()
    if user is not None:
        return user, False
    try:
        with transaction.atomic():
            return User.objects.create_user(email, username, user_id=user_id), True
    except IntegrityError:
        # A racing call won: with the same user_id it made this very person, with another it took the email.
        user = User.objects.select_for_update().filter(user_id=user_id).first()
        if user is None:
            raise EmailTaken("This email address belongs to another user.") from None
        return user, False


def connect(*, user: User, app: ClientApp) -> Connection:
    """The connection of `app` to `user`, made if there never was one. A disconnected app stays out."""
    connection, _ = Connection.objects.get_or_create(user=user, app=app)
    if connection.disconnected_at is not None:
        raise AppNotConnected("This user has disconnected the app.")
    return connection


def reach(*, app: ClientApp, user_id: str) -> User:
    """The person an app acts for. Raises UserNotFound, or AppNotConnected when the app may not act for them."""
    user = User.objects.filter(user_id=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound("There is no user with this user_id.")
    connection = Connection.objects.filter(user=user, app=app).first()
    if connection is None and app.first_party and not user.is_staff:
        connection = connect(user=user, app=app)
    if connection is None or connection.disconnected_at is not None:
        raise AppNotConnected("The app is not connected to this user.")
    return user


def reachable(*, app: ClientApp) -> QuerySet[User]:
    """Everybody `reach` lets `app` act for."""
    connections = Connection.objects.filter(app=app)
    people = User.objects.filter(is_active=True)
    if app.first_party:
        return people.filter(is_staff=False).exclude(
            pk__in=connections.filter(disconnected_at__isnull=False).values("user")
        )
    return people.filter(pk__in=connections.filter(disconnected_at__isnull=True).values("user"))


def disconnect(*, user: User, app: ClientApp) -> None:
    """Shut `app` out of everything that is `user`'s, from its next call on."""
    Connection.objects.filter(user=user, app=app, disconnected_at__isnull=True).update(disconnected_at=timezone.now())


def reconnect(*, user: User, app: ClientApp) -> None:
    """Let a disconnected app back in; only the person can ask for this."""
    Connection.objects.filter(user=user, app=app).update(disconnected_at=None)


def set_daily_cap(*, user: User, app: ClientApp, credits: int | None) -> None:
    """Limit what `app` may spend of `user`'s credits in a UTC day; None lifts the limit."""
    Connection.objects.filter(user=user, app=app).update(daily_cap=credits)


def valid_user_id(value: str) -> bool:
    """Whether `value` may be a user_id: 1 to 128 characters out of A-Z a-z 0-9 . _ @ : -"""
    return re.fullmatch(USER_ID_PATTERN, value) is not None
