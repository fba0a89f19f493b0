"""What Prometheus reads at `/metrics`: how requests are answered, and how the installation is doing.

Not public: it is there for whoever shows `METRICS_TOKEN`, and for nobody where that is not set. Each process counts the
requests it answers, and whichever is asked adds up all of them (prometheus_client's multiprocess mode, for which
unified/gunicorn_hooks.py makes room); everything else is asked of the database when it is read."""

import hmac
import os
import time
from collections.abc import Callable, Iterator
from functools import cache

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts import walls
from accounts.authentication import CHALLENGE, bearer
from unified.problems import problem_response
from unified.staff_numbers import StaffNumbers

SHARED = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Nobody looks at when a series began, and the multiprocess mode does not know it.
disable_created_metrics()  # type: ignore[no-untyped-call]
REQUESTS = Histogram(
    "unified_http_request_duration_seconds",
    "From the request to the first byte of its answer, by method, route and status.",
    ["method", "route", "status"],
    registry=None,
)


class MeasuringMiddleware:
    """Counts and times every request, under its route: an address would name people, and make a series of each."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        route = _readable(request.resolver_match.route) if request.resolver_match else ""
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).observe(time.perf_counter() - began)
        return response


@cache
def _readable(route: str) -> str:
    """A route as documentation writes it: /api/unified/project/<code>."""
    return str(simplify_regex(route)).rstrip("/?") or "/"


class Installation(Collector):
    """The numbers of the staff's start page. Their time grows with the ledger: once a minute is often enough."""

    def collect(self) -> Iterator[Metric]:
        numbers = StaffNumbers()
        wallets, storage, webhooks = numbers.credits, numbers.storage, numbers.webhooks
        for name, meaning, value in (
            ("users", "People with an account, without staff.", numbers.people["n"]),
            ("credits_balance", "Credits in all wallets, those on hold included.", wallets["balance"]),
            ("credits_held", "Credits on hold.", wallets["held"]),
            ("ledger_agrees", "1 while entries, wallets and grants come to the same sum.", wallets["agree"]),
            ("holds_active", "Holds that are neither captured, released nor expired.", numbers.holds["n"]),
            ("projects", "Projects outside the trash.", storage["projects"]),
            ("storage_used_bytes", "Bytes in use in all workspaces.", storage["used"]),
            ("storage_limit_bytes", "Bytes that all workspaces may come to.", storage["limit"]),
            ("workspaces_nearly_full", "Workspaces of which 95 % or more is in use.", storage["full"]),
            ("webhook_deliveries_failed", "Tellings that were given up, of those still kept.", webhooks["failed"]),
            ("webhook_endpoints_off", "Addresses that are switched off.", webhooks["off"]),
            ("payment_events_refused", "Payments that could not be booked.", numbers.sales["refused"]),
        ):
            yield GaugeMetricFamily(f"unified_{name}", meaning, value)
        spent = GaugeMetricFamily(
            "unified_credits_spent_30_days", "Credits spent in the last 30 days, by app.", labels=["app"]
        )
        for part in numbers.spent.totals:
            spent.add_metric([part.app.slug], part.credits)
        yield spent
        granted = GaugeMetricFamily(
            "unified_credits_granted_30_days", "Credits granted in the last 30 days, by source.", labels=["source"]
        )
        for source, amount in numbers.given.items():
            if source != "total":
                granted.add_metric([source], amount)
        yield granted


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers in Prometheus' text format; 401 for whoever does not show METRICS_TOKEN, set or not."""
    shown = bearer(request).encode()
    if not settings.METRICS_TOKEN or not hmac.compare_digest(shown, settings.METRICS_TOKEN.encode()):
        return problem_response(
            request,
            status=401,
            code="not_authenticated",
            detail="The metrics are for whoever shows METRICS_TOKEN as a bearer token.",
            headers={"WWW-Authenticate": CHALLENGE},
        )
    walls.let_in_everybody()
    registry = CollectorRegistry()
    registry.register(Installation())
    if SHARED in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
    response = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response
