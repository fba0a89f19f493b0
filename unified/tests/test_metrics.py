"""/metrics: for whoever shows the token, in Prometheus' own words, and true."""

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import ClientApp, User
from credits import services as credits
from workspace.tests.page_cast import write

pytestmark = pytest.mark.django_db
TOKEN = "0123456789abcdefghijklmnopqrstuvwxyz"
DURATION = "unified_http_request_duration_seconds_count"


@pytest.fixture
def measured(settings) -> Client:
    """A caller of an installation that is measured, who shows the token."""
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


def read(client: Client) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    response = client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {(item.name, *item.labels.values()): item.value for family in families for item in family.samples}


def test_the_numbers_are_those_of_the_installation(
    measured: Client, alice: User, bob: User, penora: ClientApp, imagegene: ClientApp
) -> None:
    for person in (alice, bob):
        credits.wallet_of(user=person)
    credits.charge(user=alice, app=penora, amount=7)
    credits.hold(user=bob, app=imagegene, amount=5)
    project = write(alice, "A text", "Bread and salt. " * 40)
    samples = read(measured)
    told = {name.removeprefix("unified_"): samples[name,] for name, *labels in samples if not labels}
    assert told == {
        "users": 2,
        "credits_balance": 113,
        "credits_held": 5,
        "ledger_agrees": 1,
        "holds_active": 1,
        "projects": 1,
        "storage_used_bytes": project.file_size_bytes,
        "storage_limit_bytes": 1_048_576,
        "workspaces_nearly_full": 0,
        "webhook_deliveries_failed": 0,
        "webhook_endpoints_off": 0,
        "payment_events_refused": 0,
    }
    assert samples["unified_credits_spent_30_days", "penora"] == 7
    assert samples["unified_credits_granted_30_days", "base"] == 100
    assert samples["unified_credits_granted_30_days", "bonus"] == 20


def test_requests_are_counted_by_method_route_and_status_and_nobody_is_named(
    measured: Client, alice: User, penora_key: str
) -> None:
    before = read(measured)
    app = Client(headers={"Authorization": f"Bearer {penora_key}"})
    for path in ("/api/unified/project/ABC1234", "/api/unified/project/XYZ1234/"):
        assert app.get(path, {"user_id": "alice"}).status_code == 404
    assert app.get("/api/unified/user-info", {"user_id": "alice"}).status_code == 200
    assert app.get("/nothing/here").status_code == 404
    assert app.generic("BREW", "/healthz").status_code == 405
    after = read(measured)
    grown = {key[1:]: after[key] - before.get(key, 0) for key in after if key[0] == DURATION}
    assert {key: times for key, times in grown.items() if times} == {
        ("GET", "/api/unified/project/<code>", "404"): 2,
        ("GET", "/api/unified/user-info", "200"): 1,
        ("GET", "", "404"): 1,
        ("other", "/healthz", "405"): 1,
        ("GET", "/metrics", "200"): 1,
    }
    assert "alice" not in str(after)


@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
@pytest.mark.parametrize("token", ["", TOKEN])
def test_nobody_else_reads_them(client: Client, settings, staff: User, penora_key: str, shown: str, token: str) -> None:
    settings.METRICS_TOKEN = token
    client.force_login(staff)
    for header in (shown, f"Bearer {penora_key}"):
        response = client.get("/metrics", headers={"Authorization": header})
        assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")
    assert client.post("/metrics").status_code == 405


def test_are_read_from_inside_without_tls_and_kept_by_no_cache(measured: Client, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = measured.get("/metrics")
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
