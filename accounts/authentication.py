"""Recognises an app by its bearer key, an app at work for one person by their token, a person by their session."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts import access_tokens, rate_limits, services
from accounts.access_tokens import AppCaller
from accounts.models import User

CHALLENGE = 'Bearer realm="unified"'


def bearer(request: HttpRequest) -> str:
    """What stands behind `Bearer` in the Authorization header; empty when there is nothing, or another scheme."""
    scheme, _, secret = get_authorization_header(request).partition(b" ")  # type: ignore[arg-type]
    return secret.strip().decode("ascii", "replace") if scheme.lower() == b"bearer" else ""


class AppKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer unk_…` or `uat_…`: the caller is an app, and `request.auth` its key or a person's token.

    Never `request.user`: whoever forgets to ask which of both it is gets nobody, not a person."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, AppCaller] | None:
        if not get_authorization_header(request):
            return None
        shown = bearer(request._request)
        caller = services.authenticate_key(plaintext=shown) or access_tokens.authenticate(plaintext=shown)
        if caller is None:
            rate_limits.refuse_strangers(request)
            raise AuthenticationFailed("The app key or token is wrong, revoked or expired.", code="invalid_key")
        return AnonymousUser(), caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class BrowserSessionAuthentication(SessionAuthentication):
    """A signed-in person in a browser, CSRF-checked; `request.auth` stays None."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        return super().authenticate(request)

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise PermissionDenied("The CSRF token is missing or wrong.", code="csrf_failed") from None
