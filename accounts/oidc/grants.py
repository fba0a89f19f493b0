"""Who gets which code and token: allauth's rules of OAuth 2.0, with what they leave open shut.

The authorization code flow with PKCE S256 only, for apps that keep a secret; an address to go back to matches letter by
letter; a code or refresh token works once, and showing it again ends everything that came out of that sign-in."""

import secrets
from datetime import timedelta
from typing import Any

from allauth.core import context
from allauth.core.internal.httpkit import extract_basic_auth
from allauth.idp.oidc.internal.oauthlib.request_validator import OAuthLibRequestValidator
from allauth.idp.oidc.internal.tokens import decode_jwt_token
from allauth.idp.oidc.models import Client, Token
from django.utils import timezone
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from oauthlib.openid import Server

from accounts import access_tokens, consents, walls
from accounts.models import User
from accounts.oidc import clients

CODE_LIFETIME = timedelta(seconds=60)
ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)


def provider(signed_in_at: int | None = None) -> Server:
    """The OAuth server of one request. `signed_in_at` is when its person last proved who they are."""
    server = Server(
        Rules(signed_in_at),
        token_expires_in=int(ACCESS_LIFETIME.total_seconds()),
        token_generator=lambda _: f"uat_{secrets.token_urlsafe(32)}",
        refresh_token_generator=lambda _: f"urt_{secrets.token_urlsafe(32)}",
    )
    for grant in (server.auth_grant, server.openid_connect_auth):
        grant.custom_validators.pre_auth.append(_require_openid_and_pkce)
    return server


def _require_openid_and_pkce(request: Request) -> dict[str, Any]:
    if "openid" not in (request.scope or "openid").split():
        raise InvalidScopeError(description="The scope openid is needed.", request=request)
    if not request.code_challenge or request.code_challenge_method != "S256":
        raise InvalidRequestError(description="PKCE with the method S256 is needed.", request=request)
    return {}


class Rules(OAuthLibRequestValidator):
    """What oauthlib asks, answered for one request."""

    def __init__(self, signed_in_at: int | None) -> None:
        super().__init__()
        self._signed_in_at = signed_in_at
        # The code or refresh token that this request shows, and the scopes it is still good for.
        self._shown: Token | None = None
        self._scopes: list[str] = []

    # Which app asks

    def validate_client_id(self, client_id: Any, request: Request) -> bool:
        client = clients.registered(client_id)
        if client is not None:
            self._use_client(request, client)
        return client is not None

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Request, *_: Any, **__: Any) -> bool:
        return redirect_uri in request.client.get_redirect_uris()

    def authenticate_client(self, request: Request, *_: Any, **__: Any) -> bool:
        client_id, secret = extract_basic_auth(request.headers)
        if client_id is None:
            client_id, secret = request.client_id, request.client_secret
        elif request.client_id not in (None, client_id):
            return False
        client = clients.registered(client_id) if client_id and secret else None
        if client is None or not clients.proves(client, secret):
            return False
        self._use_client(request, client)
        return True

    def authenticate_client_id(self, client_id: str, request: Request, *_: Any, **__: Any) -> bool:
        return False

    def client_authentication_required(self, request: Request, *_: Any, **__: Any) -> bool:
        return True

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        return True

    # Asking the person

    def validate_user_match(self, id_token_hint: str, scopes: Any, claims: Any, request: Request) -> bool:
        user = context.request.user
        if not id_token_hint or not user.is_authenticated:
            return True
        hint = decode_jwt_token(id_token_hint, client_id=request.client.id, verify_exp=False, verify_iss=True)
        return hint is not None and hint.get("sub") == user.user_id

    def validate_silent_authorization(self, request: Request) -> bool:
        return consents.covers(user=context.request.user, slug=request.client.id, scopes=request.scopes)

    def save_authorization_code(self, client_id: str, code: Any, request: Request, *_: Any, **__: Any) -> None:
        facts = {
            "family": secrets.token_hex(16),
            "redirect_uri": request.redirect_uri,
            "challenge": request.code_challenge,
            "nonce": request.nonce,
            "auth_time": self._signed_in_at,
        }
        self._make(Token.Type.AUTHORIZATION_CODE, code["code"], request, request.scopes, CODE_LIFETIME, facts).save()

    # Taking a code

    def get_authorization_code_scopes(self, *_: Any) -> list[str]:
        return ["openid"]

    def validate_code(self, client_id: str, code: str, client: Client, request: Request, *_: Any, **__: Any) -> bool:
        if not self._show(Token.Type.AUTHORIZATION_CODE, code, request):
            return False
        # Used up by this attempt, whatever comes of it.
        self._use_up()
        return True

    def get_code_challenge(self, code: str, request: Request) -> Any:
        return self._fact("challenge")

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        return "S256"

    def get_authorization_code_nonce(self, *_: Any) -> Any:
        return self._fact("nonce")

    def confirm_redirect_uri(self, client_id: str, code: str, redirect_uri: str, *_: Any, **__: Any) -> bool:
        return bool(redirect_uri == self._fact("redirect_uri"))

    def invalidate_authorization_code(self, *_: Any, **__: Any) -> None:
        """It was used up when it was shown."""

    # Taking a refresh token

    def validate_refresh_token(self, refresh_token: str, client: Client, request: Request, *_: Any, **__: Any) -> bool:
        return self._show(Token.Type.REFRESH_TOKEN, refresh_token, request)

    def get_original_scopes(self, refresh_token: str, request: Request, *_: Any, **__: Any) -> list[str]:
        return self._scopes

    def save_bearer_token(self, token: dict[str, Any], request: Request, *_: Any, **__: Any) -> None:
        assert self._shown is not None
        self._use_up()
        facts = {name: self._shown.data[name] for name in ("family", "auth_time")}
        at, rt = Token.Type.ACCESS_TOKEN, Token.Type.REFRESH_TOKEN
        self._make(at, token["access_token"], request, request.scopes, ACCESS_LIFETIME, facts).save()
        kept = self._shown.get_scopes()
        self._make(rt, token["refresh_token"], request, kept, REFRESH_LIFETIME, facts).save()

    def finalize_id_token(self, id_token: dict[str, Any], *rest: Any) -> str:
        if self._fact("auth_time"):
            id_token["auth_time"] = self._fact("auth_time")
        return str(super().finalize_id_token(id_token, *rest))

    def revoke_token(self, token: str, token_type_hint: str, request: Request, *_: Any, **__: Any) -> None:
        types = [Token.Type.ACCESS_TOKEN, Token.Type.REFRESH_TOKEN]
        own = Token.objects.filter(client=request.client, hash=access_tokens.digest(token), type__in=types)
        for row in own:
            access_tokens.revoke_family(row)

    # One row of ours

    def _show(self, kind: str, value: str, request: Request) -> bool:
        """Find what was shown, of the app that shows it; it is good while its person still agrees."""
        shown = Token.objects.filter(type=kind, client=request.client, hash=access_tokens.digest(value))
        whose = shown.values_list("user", flat=True).first()
        if whose is None:
            return False
        # The order in which whoever disconnects an app or closes an account locks them, too.
        user = User.objects.select_for_update().get(pk=whose)
        connection = consents.standing(user=user, slug=request.client.id, lock=True)
        row = shown.select_for_update().first()
        if row is not None and row.data.get("used"):
            access_tokens.revoke_family(row)
            return False
        if row is None or row.expires_at <= timezone.now() or connection is None:
            return False
        allowed = set(connection.consented_scopes) & set(request.client.get_scopes())
        self._shown, self._scopes = row, [scope for scope in row.get_scopes() if scope in allowed]
        request.user, request.scopes = user, self._scopes
        walls.let_in(user)
        return "openid" in self._scopes

    def _use_up(self) -> None:
        assert self._shown is not None
        self._shown.data["used"] = True
        self._shown.save(update_fields=["data"])

    def _fact(self, name: str) -> Any:
        return self._shown.data.get(name) if self._shown is not None else None

    def _make(
        self, kind: str, value: str, request: Request, scopes: list[str], lifetime: timedelta, facts: dict[str, Any]
    ) -> Token:
        row = Token(type=kind, hash=access_tokens.digest(value), client=request.client, user=request.user, data=facts)
        row.expires_at = timezone.now() + lifetime
        row.set_scopes(scopes)
        return row
