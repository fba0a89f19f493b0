"""Several worker processes, started as docs/operations.md says, are one product: one balance, one count of calls."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from credits.models import Entry
from tests.server import gunicorn

pytestmark = [pytest.mark.serve, pytest.mark.django_db(transaction=True)]
WORKERS = 3
CLIENTS = 12
METRICS_TOKEN = "0123456789abcdefghijklmnopqrstuvwxyz"


def requests_measured(port: int) -> dict[tuple[str, ...], float]:
    """How often the API's routes were answered by any of the workers, by method, route and status."""
    server = HTTPConnection("127.0.0.1", port, timeout=60)
    server.request("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    families = text_string_to_metric_families(server.getresponse().read().decode())
    server.close()
    samples = [sample for family in families for sample in family.samples if sample.name.endswith("_seconds_count")]
    counted = {tuple(item.labels[name] for name in ("method", "route", "status")): item.value for item in samples}
    return {labels: times for labels, times in counted.items() if labels[1].startswith("/api/")}


@pytest.mark.skipif(not settings.REDIS_URL, reason="several processes count together on Redis only")
def test_they_spend_one_balance_and_count_together(
    alice: User, penora_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer")
    cache.clear()
    monkeypatch.setenv("RATE_LIMITS", "key=250/900000")
    monkeypatch.setenv("METRICS_TOKEN", METRICS_TOKEN)
    with gunicorn("--workers", str(WORKERS)) as (_, port):

        def call(method: str, path: str, body: dict[str, object] | None = None) -> int:
            server = HTTPConnection("127.0.0.1", port, timeout=60)
            head = {"Authorization": f"Bearer {penora_key}", "Content-Type": "application/json"}
            server.request(method, f"/api/unified/{path}", json.dumps(body) if body else None, head)
            status = server.getresponse().status
            server.close()
            return status

        charge = {"user_id": alice.user_id, "amount": 1, "app_name": "penora", "description": "A page"}
        with ThreadPoolExecutor(CLIENTS) as clients:
            charged = Counter(clients.map(lambda _: call("POST", "deduct-credits", charge), range(150)))
            read = Counter(clients.map(lambda _: call("GET", "user-info?user_id=alice"), range(150)))
        measured = requests_measured(port)
    assert charged == {200: 60, 402: 90}
    assert read == {200: 100, 429: 50}
    assert measured == {
        ("POST", "/api/unified/deduct-credits", "200"): 60,
        ("POST", "/api/unified/deduct-credits", "402"): 90,
        ("GET", "/api/unified/user-info", "200"): 100,
        ("GET", "/api/unified/user-info", "429"): 50,
    }
    balances = (
        Entry.objects.filter(wallet__user=alice, amount=-1).order_by("version").values_list("balance_after", flat=True)
    )
    assert list(balances) == list(range(59, -1, -1))
