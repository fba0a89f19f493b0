"""Registers people, issues and checks app keys, and decides whom an app may act for."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import access_tokens, addresses, audit, walls
from accounts.errors import (
    AppNotConnected,
    DomainError,
    EmailTaken,
    InvalidField,
    KeyNotLive,
    TooManyKeys,
    UserNotFound,
)
from accounts.models import DEFAULT_SCOPES, SCOPES, ApiKey, ClientApp, Connection, User

LOOKUP_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
LAST_USED_EVERY = timedelta(minutes=1)
LIVE_KEYS = 2


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def create_api_key(
    *, app: ClientApp, scopes: Sequence[str] | None = None, label: str = "", expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Issue a key for `app` and return it with its plaintext, which is not kept and cannot be shown again.

    `scopes` defaults to everything but `credits:grant` and `credits:refund`. The secret has 256 bits, so a plain
    SHA-256 of it is enough. Raises InvalidField for an unknown scope, TooManyKeys when two are live."""
    chosen = list(DEFAULT_SCOPES if scopes is None else dict.fromkeys(scopes))
    for scope in chosen:
        if scope not in SCOPES:
            raise InvalidField("scopes", f"'{scope}' is not a scope. The scopes are: {', '.join(SCOPES)}.")
    _make_room_for_a_key(app)
    lookup = "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(8))
    secret = secrets.token_hex(32)
    key = ApiKey.objects.create(
        app=app, lookup=lookup, secret_hash=_digest(secret), scopes=chosen, label=label, expires_at=expires_at
    )
    audit.record(
        "key.issued", about=key, said=str(key), app=app.slug, scopes=chosen, label=label, expires_at=expires_at
    )
    return key, f"unk_{lookup}_{secret}"


def _make_room_for_a_key(app: ClientApp) -> None:
    # The app's row is the lock: two who issue at once must not both be the second.
    ClientApp.objects.select_for_update().get(pk=app.pk)
    if app.keys.unended().count() >= LIVE_KEYS:
        raise TooManyKeys(f"{app} has two live keys. Revoke one, or wait until it has expired.")


@transaction.atomic
def rotate_api_key(*, key: ApiKey, grace: timedelta, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Issue a key like `key`, which itself ends after `grace` or at its own expiry, whichever comes first.

    Returns the new key with its plaintext. Raises KeyNotLive when there is nothing to replace, TooManyKeys when the app
    has another live key besides."""
    ClientApp.objects.select_for_update().get(pk=key.app_id)
    old = ApiKey.objects.unended().filter(pk=key.pk).first()
    if old is None:
        raise KeyNotLive("This key is over already: issue a new one.")
    end = timezone.now() + grace
    old.expires_at = min(end, old.expires_at or end)
    old.save(update_fields=["expires_at"])
    new, plaintext = create_api_key(app=key.app, scopes=old.scopes, label=old.label, expires_at=expires_at)
    audit.record("key.rotated", about=old, said=f"Replaced by {new}", app=key.app.slug, ends_at=old.expires_at)
    return new, plaintext


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


@transaction.atomic
def revoke_api_key(*, key: ApiKey) -> None:
    """Close a key for good; calls with it are 401 from the next one on."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit.record("key.revoked", about=key, said=str(key), app=key.app.slug)


@transaction.atomic
def register(*, user_id: str, username: str, email: str, app: ClientApp) -> tuple[User, bool]:
    """Make the person `user_id`, or update their name and email, and connect `app`; says whether they are new.

    Only a first-party app updates a person who exists, and their email only until they have claimed the account.
    Raises EmailTaken when the email is another person's, AppNotConnected when the person disconnected the app or is
    staff."""
    email = email.lower()
    if User.objects.filter(email=email).exclude(user_id=user_id).exists():
        raise EmailTaken("This email address belongs to another user.")
    user, created = _get_or_create(user_id, username, email)
    if user.is_staff:
        raise AppNotConnected("Apps do not act for staff.")
    connect(user=user, app=app)
    walls.let_in(user)
    # Whoever sets the address can have a way in sent there: for an app of others it stays as it is.
    if not created and app.first_party and (user.username, user.email) != (username, email):
        _rename(user, username, email)
    return user, created


def _rename(user: User, username: str, email: str) -> None:
    # An address that its person proved is how they sign in: theirs to change, and no app's.
    if user.email != email and not addresses.is_claimed(user):
        addresses.forget_unproven(user)
        user.email = email
    user.username = username
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
    """The person an app acts for. Raises AppNotConnected when they shut it out.

    Raises UserNotFound when there is nobody, or nobody this app ever knew: it does not learn which, not even from the
    work done."""
    user = User.objects.filter(user_id=user_id, is_active=True).first()
    connection = Connection.objects.filter(user_id=user.pk if user else 0, app=app).first()
    if user is not None and connection is None and app.first_party and not user.is_staff:
        connection = connect(user=user, app=app)
    if user is None or connection is None:
        raise UserNotFound("There is no user with this user_id.")
    if connection.disconnected_at is not None:
        raise AppNotConnected("The app is not connected to this user.")
    walls.let_in(user)
    return user


def reach_many(*, app: ClientApp, user_ids: Collection[str]) -> dict[str, User | DomainError]:
    """Each of the people `app` acts for, or what `reach` would raise for them, by user_id; in four queries at most."""
    users = {user.user_id: user for user in User.objects.filter(user_id__in=user_ids, is_active=True)}
    connections = Connection.objects.filter(app=app, user__in=[0, *(user.pk for user in users.values())])
    connected = {connection.user_id: connection.disconnected_at is None for connection in connections}
    if app.first_party:
        new = [user for user in users.values() if user.pk not in connected and not user.is_staff]
        if new:
            Connection.objects.bulk_create([Connection(user=user, app=app) for user in new], ignore_conflicts=True)
            connected |= {user.pk: True for user in new}
    # One by one they would make every row of theirs be looked up in a long list.
    walls.let_in_everybody()
    return {user_id: _reached(users.get(user_id), connected) for user_id in user_ids}


def _reached(user: User | None, connected: Mapping[int, bool]) -> User | DomainError:
    if user is None or user.pk not in connected:
        return UserNotFound("There is no user with this user_id.")
    if not connected[user.pk]:
        return AppNotConnected("The app is not connected to this user.")
    return user


def reachable(*, app: ClientApp) -> QuerySet[User]:
    """Everybody `reach` lets `app` act for."""
    walls.let_in_everybody()
    connections = Connection.objects.filter(app=app)
    people = User.objects.filter(is_active=True)
    if app.first_party:
        return people.filter(is_staff=False).exclude(
            pk__in=connections.filter(disconnected_at__isnull=False).values("user")
        )
    return people.filter(pk__in=connections.filter(disconnected_at__isnull=True).values("user"))


@transaction.atomic
def disconnect(*, user: User, app: ClientApp) -> None:
    """Shut `app` out of everything that is `user`'s, from its next call on; its tokens end, what was agreed is off."""
    User.objects.select_for_update().get(pk=user.pk)
    connected = Connection.objects.filter(user=user, app=app, disconnected_at__isnull=True)
    connected.update(disconnected_at=timezone.now(), consented_scopes=[], consented_at=None)
    # After the connection, which whoever makes a token holds: none comes into being behind this.
    access_tokens.revoke(user=user, app=app)


def reconnect(*, user: User, app: ClientApp) -> None:
    """Let a disconnected app back in; only the person can ask for this. Signing in to it asks them anew."""
    Connection.objects.filter(user=user, app=app).update(disconnected_at=None)


def set_daily_cap(*, user: User, app: ClientApp, credits: int | None) -> None:
    """Limit what `app` may spend of `user`'s credits in a UTC day; None lifts the limit."""
    Connection.objects.filter(user=user, app=app).update(daily_cap=credits, cap_set_at=timezone.now())
