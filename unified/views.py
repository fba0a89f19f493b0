"""The home page, the apps' colours, and what operators ask."""

import hashlib
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import feed
from accounts.browser import back, choose_theme, person
from accounts.models import ClientApp
from credits import pricing, spending
from credits import services as credits
from credits.models import Entry
from workspace import blobs
from workspace import services as workspace
from workspace.gallery import HEAVY
from workspace.meter import meter_of
from workspace.models import Project

LATEST_PROJECTS = 6
LATEST_ENTRIES = 6


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """How am I doing?"""
    user, reached = person(request), feed.reached()
    wallet = credits.wallet_of(user=user)
    apps = list(ClientApp.objects.all())
    latest = Project.objects.owned_by(user).live().select_related("app").defer(*HEAVY)
    context: dict[str, Any] = {
        "reached": reached,
        "greeting": _greeting(),
        "wallet": wallet,
        "buys": spending.buys(wallet.available, pricing.current()),
        "expiring": wallet.grants.filter(expires_at__isnull=False, remaining__gt=0).in_burn_order().first(),
        "spending": spending.last_days(user, apps),
        "meter": meter_of(workspace.storage_report(user=user), apps),
        "latest": latest[:LATEST_PROJECTS],
        "entries": Entry.objects.owned_by(user).select_related("app").order_by("-version")[:LATEST_ENTRIES],
    }
    return render(request, "home.html", context)


def _greeting() -> str:
    """By the reader's clock."""
    hour = timezone.localtime().hour
    if 5 <= hour < 12:
        return _("Good morning")
    return _("Good afternoon") if 12 <= hour < 18 else _("Good evening")


@require_safe
def app_css(request: HttpRequest) -> HttpResponse:
    """Each client app's hue as a class, because the CSP allows no style in the page."""
    rules = [f".app-{slug}{{--hue:{hue}}}" for slug, hue in ClientApp.objects.values_list("slug", "hue")]
    body = "\n".join(rules).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag) or HttpResponse(body, content_type="text/css")
    response["ETag"] = etag
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the colours that this browser chose, where there is no script to do it, and go back to the page."""
    response = back(request, "home")
    choose_theme(response, request.POST.get("theme", ""))
    return response


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether the process answers; it asks nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether what a request needs answers too: 503 names what does not."""
    checks = {"database": _answers(_ask_database), "cache": _answers(_ask_cache)}
    # Without a storage beside it the database keeps all content.
    checks["storage"] = _answers(blobs.ask) if blobs.storage() else checks["database"]
    ready = all(checks.values())
    body = {
        "status": "ok" if ready else "unavailable",
        "checks": {n: "ok" if up else "down" for n, up in checks.items()},
    }
    response = JsonResponse(body, status=200 if ready else 503)
    response["Cache-Control"] = "no-store"
    return response


def _answers(ask: Any) -> bool:
    # Whatever a driver raises means the same here: not ready.
    try:
        ask()
    except Exception:  # noqa: BLE001
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.set("readyz", 1, 5)
    if cache.get("readyz") != 1:
        raise RuntimeError("the cache forgot what it was told")
