"""Whose an email address is: it belongs to whoever proved that they read its mail, and to nobody before.

An account is claimed once its person did so. Until then its address is only what an app said; from then on it is the
person's, and no app changes it."""

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.models import User


def is_claimed(user: User) -> bool:
    """Whether the person proved an address of theirs, or has a password, which only a claimed account can get."""
    return user.has_usable_password() or EmailAddress.objects.filter(user=user, verified=True).exists()


def is_free(email: str) -> bool:
    """Whether no account has this address."""
    return not (User.objects.filter(email=email).exists() or EmailAddress.objects.filter(email=email).exists())


def vouch_for(user: User) -> None:
    """Take the account's own address as proved: the operator says so, who made the account by hand."""
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def note_unproven(user: User) -> None:
    """Write down the address an app gave for this person, so that a code sent there can prove it."""
    if not EmailAddress.objects.filter(user=user).exists():
        EmailAddress.objects.create(user=user, email=user.email, primary=True)


def forget_unproven(user: User) -> None:
    """Let go of an address that was never proved; the app says there is another."""
    EmailAddress.objects.filter(user=user, verified=False).delete()


def sign_up(*, email: str, password_hash: str) -> User | None:
    """The account of a person who proved `email`, or None when it was taken by another meanwhile."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email)
            user.password = password_hash
            user.save(update_fields=["password"])
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    except IntegrityError:
        return None
    return user


def on_proof(request: HttpRequest, email_address: EmailAddress, **_: object) -> None:
    """Receiver of allauth's email_confirmed: the first proof ends what was opened before it.

    Whoever came in earlier came through an app, or set a password without reading the mail; a password that was typed
    in this very sign-in stays, since the same person then has both."""
    user = email_address.user
    if EmailAddress.objects.filter(user=user, verified=True).exclude(pk=email_address.pk).exists():
        return
    here = request.session.session_key
    for session in UserSession.objects.filter(user=user).exclude(session_key=here or ""):
        session.end()
    typed = any(record["method"] == "password" for record in get_authentication_records(request, user))
    if user.has_usable_password() and not typed:
        user.set_unusable_password()
        user.save(update_fields=["password"])
