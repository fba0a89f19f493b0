"""The provider's endpoints: the page that asks a person, and what apps call from their servers."""

from collections.abc import Callable
from typing import Any

from allauth.core.internal import jwkkit
from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.internal.oauthlib.utils import extract_headers, get_uri
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError, OAuth2Error, UnsupportedGrantTypeError

from accounts import access_tokens, consents, rate_limits
from accounts.authentication import CHALLENGE, bearer
from accounts.oidc import clients
from accounts.oidc.grants import provider
from accounts.rate_limits import RateLimited

MAX_FORM_BYTES = 32_768
FORM = "application/x-www-form-urlencoded"
CLAIMS = ["iss", "sub", "aud", "iat", "exp", "nonce", "at_hash", "auth_time", "name", "email", "email_verified"]
AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

Parts = tuple[str, str, str, dict[str, str]]
Reply = tuple[dict[str, str], str | None, int]


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """OpenID Connect Discovery 1.0. Every address is below PUBLIC_URL, whatever host was asked."""
    endpoints = {
        "authorization_endpoint": "oidc_authorize",
        "token_endpoint": "oidc_token",
        "userinfo_endpoint": "oidc_userinfo",
        "revocation_endpoint": "oidc_revoke",
        "jwks_uri": "oidc_jwks",
    }
    return _public(
        {
            "issuer": settings.PUBLIC_URL,
            **{name: settings.PUBLIC_URL + reverse(route) for name, route in endpoints.items()},
            "scopes_supported": list(consents.SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [str(grant.value) for grant in clients.GRANTS],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent"],
            "claims_supported": CLAIMS,
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": f"{settings.PUBLIC_URL}/api/docs",
        }
    )


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The public half of the key that signs ID tokens."""
    keys = [jwkkit.load_jwk_from_pem(key.pem)[0] for key in get_adapter().list_private_keys()]
    return _public({"keys": [{**key, "use": "sig", "alg": "RS256"} for key in keys]})


def _public(document: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(document)
    response["Cache-Control"] = "public, max-age=3600"
    return response


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """A code, or a refresh token, for tokens."""

    def answer(parts: Parts) -> Reply:
        if request.POST.get("grant_type") not in clients.GRANTS:
            raise UnsupportedGrantTypeError
        # Also what is refused is written: a code is used up, a stolen token ends its family.
        with transaction.atomic():
            reply: Reply = provider().create_token_response(*parts)
        return reply

    return _to_server(request, answer)


@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """RFC 7009: the end of a token and of everything that came out of the same sign-in. An unknown one is no error."""

    def answer(parts: Parts) -> Reply:
        reply: Reply = provider().create_revocation_response(*parts)
        return reply

    return _to_server(request, answer)


def _to_server(request: HttpRequest, answer: Callable[[Parts], Reply]) -> HttpResponse:
    """What `answer` says to the form an app's server sent, or the OAuth error that it met."""
    try:
        rate_limits.spend(request, "token", rate_limits.address(request))
        _, body, status = answer(_form(request))
    except RateLimited as limit:
        return _error({"error": "temporarily_unavailable", "error_description": limit.detail}, 429, limit.headers)
    except OAuth2Error as error:
        return _error(dict(error.twotuples), error.status_code)
    return _told(HttpResponse(body or "", status=status, content_type="application/json"))


def _form(request: HttpRequest) -> Parts:
    """The request as oauthlib takes it. Raises OAuth2Error for a body that is no form with each field once."""
    if request.content_type != FORM or int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FORM_BYTES:
        raise InvalidRequestError(description=f"Send a form of at most {MAX_FORM_BYTES} bytes as {FORM}.")
    if any(len(values) > 1 for _, values in request.POST.lists()):
        raise InvalidRequestError(description="A parameter was sent twice.")
    return get_uri(request), "POST", request.POST.urlencode(), extract_headers(request)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """Who the person of an access token is."""
    shown = access_tokens.authenticate(plaintext=bearer(request))
    if shown is None:
        try:
            rate_limits.refuse_strangers(request)
        except RateLimited as limit:
            return _error({"error": "temporarily_unavailable"}, 429, limit.headers)
        challenge = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
        return _error({"error": "invalid_token"}, 401, challenge)
    if "openid" not in shown.scopes:
        challenge = {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="openid"'}
        return _error({"error": "insufficient_scope"}, 403, challenge)
    return _told(JsonResponse(get_adapter().get_claims("userinfo", shown.user, None, shown.scopes)))


def _error(body: dict[str, str], status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return _told(JsonResponse(body, status=status, headers=headers))


def _told(response: HttpResponse) -> HttpResponse:
    if response.status_code == 401:
        response.setdefault("WWW-Authenticate", 'Basic realm="unified"')
    response["Cache-Control"] = "no-store"
    return response
