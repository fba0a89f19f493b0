"""Notes every attempt to sign in, and every change of what one signs in with: in the server's log, and for staff in the
audit log.

Receivers of Django's signals, in which every way to sign in ends: password, code, passkey, link, the admin's form."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from accounts import asking, audit
from accounts.models import User

logger = logging.getLogger(__name__)


def succeeded(request: HttpRequest, user: User, **_: Any) -> None:
    """Receiver of user_logged_in."""
    logger.info("%s signed in from %s", user.user_id, asking.address() or "nowhere")
    if user.is_staff:
        audit.record("staff.signed_in", about=user, by=user)


def failed(credentials: Mapping[str, Any], **_: Any) -> None:
    """Receiver of user_login_failed. What was typed is no part of the line: it may have been a password."""
    email = str(credentials.get("email") or credentials.get("username") or "").lower()
    user_id = User.objects.filter(email=email[:254]).values_list("user_id", flat=True).first()
    logger.warning("sign-in refused for %s from %s", user_id or "nobody we know", asking.address() or "nowhere")


def watch_changes() -> None:
    """Connect a receiver to everything that says that somebody's password, address or factor changed."""
    # Ready only once all apps are.
    from allauth.account import signals as account
    from allauth.mfa import signals as mfa

    for signal, what in (
        (account.password_set, "password_set"),
        (account.password_changed, "password_changed"),
        (account.password_reset, "password_reset"),
        (account.email_changed, "email_changed"),
        (mfa.authenticator_added, "factor_added"),
        (mfa.authenticator_removed, "factor_removed"),
        (mfa.authenticator_reset, "factor_reset"),
    ):
        signal.connect(_noting(what), weak=False)


def _noting(what: str) -> Callable[..., None]:
    def changed(user: User, **_: Any) -> None:
        logger.info("%s: %s, from %s", user.user_id, what, asking.address() or "nowhere")
        if user.is_staff:
            audit.record(f"staff.{what}", about=user, by=user)

    return changed
