"""Recognises an app by its bearer key and a person by their browser session."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import services
from accounts.models import ApiKey, User


class AppKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer unk_…`: the caller is an app and `request.auth` is its key."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        header = get_authorization_header(request)
        if not header:
            return None
        scheme, _, token = header.partition(b" ")
        key = services.authenticate_key(plaintext=token.strip().decode("ascii", "replace"))
        if scheme.lower() != b"bearer" or key is None:
            raise AuthenticationFailed("The app key is wrong, revoked or expired.", code="invalid_key")
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="unified"'


class BrowserSessionAuthentication(SessionAuthentication):
    """A signed-in person in a browser, CSRF-checked; `request.auth` stays None."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        return super().authenticate(request)
