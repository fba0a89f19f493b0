"""Who is asking: the request that this thread is answering, for what is noted about it in logs and the audit log.

Imports no model: logging is set up before there are any."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


@contextmanager
def answering(request: HttpRequest) -> Iterator[None]:
    """Make `request` the one that is being answered."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def request_id() -> str:
    """The request's id, "-" outside a request."""
    return getattr(_request.get(), "request_id", "-")


def address() -> str:
    """Where the request comes from, behind as many proxies as TRUSTED_PROXIES says; empty when nobody can tell."""
    from allauth.account.adapter import get_adapter

    request = _request.get()
    try:
        return str(get_adapter().get_client_ip(request)) if request is not None else ""
    except PermissionDenied:
        return ""


def key() -> str:
    """The app key that the request was let in by, as it is shown; empty when there is none."""
    auth = getattr(_request.get(), "auth", None)
    return str(auth) if auth is not None and hasattr(auth, "lookup") else ""


def person() -> "User | None":
    """The person whose browser session it is, if it is one's."""
    user = getattr(_request.get(), "user", None)
    return user if user is not None and user.is_authenticated else None
