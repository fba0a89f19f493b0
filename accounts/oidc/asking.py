"""The page where a person lets an app know them and act for them: sign in, agree once, go back to the app."""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.core.internal.httpkit import add_query_params, del_query_params
from allauth.idp.oidc.internal.oauthlib.utils import extract_headers, get_uri
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from oauthlib.oauth2.rfc6749.errors import FatalClientError, OAuth2Error

from accounts import consents, rate_limits
from accounts.browser import person
from accounts.models import ClientApp, Connection, User
from accounts.oidc.grants import provider

ARRIVED = "signed_in"


@dataclass(frozen=True)
class Asked:
    """A request that may be answered: an app of ours, an address of its own, PKCE and scopes it may ask for."""

    app: ClientApp
    scopes: list[str]
    redirect_uri: str
    state: str | None
    prompt: set[str]
    max_age: str


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """The authorization endpoint. A POST is the answer to the page that asks."""
    try:
        asked = _read(request)
    except FatalClientError as error:
        return render(request, "accounts/sign_in_refused.html", {"error": error}, status=400)
    except OAuth2Error as error:
        # Whom it is sent to was checked by then.
        return _go(request, error.in_uri(error.redirect_uri))
    if "none" not in asked.prompt and (detour := _proof(request, asked)):
        return detour
    user = person(request)
    rate_limits.spend(request, "user", f"authorize/{user.pk}")
    if user.is_staff:
        return render(request, "accounts/sign_in_refused.html", {"app": asked.app}, status=403)
    if request.method == "POST":
        return _answered(request, user, asked)
    agreed = consents.covers(user=user, slug=asked.app.slug, scopes=asked.scopes)
    return _ask(request, user, asked) if not agreed or "consent" in asked.prompt else _give_code(request)


def _read(request: HttpRequest) -> Asked:
    scopes, info = provider().validate_authorization_request(*_parts(request))
    app = ClientApp.objects.get(slug=info["client_id"])
    prompt, max_age = set(info.get("prompt") or ()), request.GET.get("max_age", "")
    return Asked(app, scopes, info["redirect_uri"], info["state"], prompt, max_age)


def _parts(request: HttpRequest) -> tuple[str, str, str, dict[str, str]]:
    """The request as oauthlib takes it. Only the query counts: what our own form sends is no part of what the app asks.

    Nor is `claims`, which discovery says is not supported, and which oauthlib cannot refuse to anybody's face."""
    return del_query_params(get_uri(request), "claims"), "GET", "", extract_headers(request)


def _proof(request: HttpRequest, asked: Asked) -> HttpResponse | None:
    """The way to the sign-in page, for a stranger, or for a person who shall prove again who they are."""
    here = add_query_params(del_query_params(request.get_full_path(), ARRIVED), {ARRIVED: "1"})
    if not request.user.is_authenticated:
        return redirect_to_login(del_query_params(here, "prompt") if asked.prompt == {"login"} else here)
    if ARRIVED not in request.GET and ("login" in asked.prompt or _too_old(request, asked)):
        return HttpResponseRedirect(add_query_params(reverse("account_reauthenticate"), {"next": here}))
    return None


def _too_old(request: HttpRequest, asked: Asked) -> bool:
    if not asked.max_age.isascii() or not asked.max_age.isdigit():
        return False
    return time.time() - (_signed_in_at(request) or 0) > int(asked.max_age)


def _signed_in_at(request: HttpRequest) -> int | None:
    times = [int(record["at"]) for record in get_authentication_records(request, person(request)) if "at" in record]
    return max(times, default=None)


def _ask(request: HttpRequest, user: User, asked: Asked) -> HttpResponse:
    connection = Connection.objects.filter(user=user, app=asked.app).first()
    context = {
        "app": asked.app,
        "connection": connection,
        "wishes": consents.in_words(asked.scopes),
        "spends": "credits:charge" in asked.scopes,
        "host": urlsplit(asked.redirect_uri).netloc,
    }
    return _unkept(render(request, "accounts/consent.html", context))


def _answered(request: HttpRequest, user: User, asked: Asked) -> HttpResponse:
    if request.POST.get("answer") != "allow":
        state = {"state": asked.state} if asked.state else {}
        return _go(request, add_query_params(asked.redirect_uri, {"error": "access_denied", **state}))
    consents.give(user=user, slug=asked.app.slug, scopes=asked.scopes)
    return _give_code(request)


def _give_code(request: HttpRequest) -> HttpResponse:
    server = provider(_signed_in_at(request))
    headers, _, _ = server.create_authorization_response(*_parts(request), credentials={"user": person(request)})
    return _go(request, headers["Location"])


def _go(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser back to the app, with the issuer beside the answer (RFC 9207).

    Behind a form (the page that asks, or the one that signs in) a redirect to another site would break the rule that
    forms lead nowhere else (CSP form-action), so there a page goes on by itself."""
    url = add_query_params(url, {"iss": settings.PUBLIC_URL})
    if request.method == "POST" or ARRIVED in request.GET:
        return _unkept(render(request, "accounts/sign_in_onward.html", {"url": url, "host": urlsplit(url).netloc}))
    return _unkept(HttpResponseRedirect(url))


def _unkept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
