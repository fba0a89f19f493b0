"""Who gets in over HTTP, for whom, and what create-user answers."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import SCOPES, ApiKey, User
from accounts.tests.cast import client_of

CREATE, INFO, CHARGE = (f"/api/unified/{name}" for name in ("create-user", "user-info", "deduct-credits"))
RITA = {"user_id": "rita", "username": "Rita", "email": "Rita@example.com"}


def refused(answer, status, code):
    """Whether the answer is this problem, in the right media type."""
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert {"type", "title", "detail", "instance"} <= set(body)
    return True


def test_a_call_without_a_key_is_asked_for_one(alice):
    answer = APIClient().get(INFO, {"user_id": "alice"})
    assert refused(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="unified"'


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "Bearer " + key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: "Bearer " + key[:-1],
        lambda key: "Bearer " + key + "0",
        lambda key: "Bearer " + key.upper(),
        lambda key: "Bearer " + key[:4] + "zzzzzzzz" + key[12:],
        lambda key: "Basic " + key,
        lambda key: key,
        lambda key: "Bearer",
        lambda key: "Bearer ",
        lambda key: "Bearer é\x00",
        lambda key: "Bearer " + "x" * 5000,
    ],
    ids=["wrong", "short", "long", "upper", "unknown", "basic", "bare", "none", "empty", "binary", "huge"],
)
def test_a_spoilt_key_does_not_open(alice, penora_key, spoil, stored):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=spoil(penora_key))
    before = stored()
    answer = client.post(CREATE, RITA, format="json")
    assert refused(answer, 401, "invalid_key")
    assert answer["WWW-Authenticate"].startswith('Bearer realm="unified"')
    assert penora_key not in answer.content.decode()
    assert stored() == before


@pytest.mark.parametrize(
    "change",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}],
    ids=["revoked", "expired"],
)
def test_a_key_that_ended_does_not_open(alice, penora_api, change):
    assert penora_api.get(INFO, {"user_id": "alice"}).status_code == 200
    ApiKey.objects.update(**change)
    assert refused(penora_api.get(INFO, {"user_id": "alice"}), 401, "invalid_key")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("post", "create-user", "users:write"),
        ("get", "user-info", "credits:read"),
        ("get", "transactions", "credits:read"),
        ("get", "prices", "credits:read"),
        ("post", "deduct-credits", "credits:charge"),
        ("post", "deduct-credits/batch", "credits:charge"),
        ("post", "holds", "credits:charge"),
        ("post", "hold/hold_1/capture", "credits:charge"),
        ("post", "transaction/txn_1/refund", "credits:refund"),
        ("post", "give-bonus-credits", "credits:grant"),
        ("post", "save-project", "workspace:write"),
        ("get", "projects", "workspace:read"),
        ("delete", "project/ABC234", "workspace:write"),
        ("get", "storage-stats", "workspace:read"),
    ],
)
def test_a_key_does_only_what_its_scopes_say(alice, penora, method, path, scope):
    others = [name for name in SCOPES if name != scope]
    without = client_of(services.create_api_key(app=penora, scopes=others)[1])
    alone = client_of(services.create_api_key(app=penora, scopes=[scope])[1])
    answer = getattr(without, method)(f"/api/unified/{path}", {}, format="json")
    assert refused(answer, 403, "missing_scope")
    assert scope in answer.json()["detail"]
    assert getattr(alone, method)(f"/api/unified/{path}").status_code not in {401, 403}


def test_a_key_speaks_for_its_own_app_alone(alice, penora_api, stored):
    before = stored()
    body = {"user_id": "alice", "amount": 1, "app_name": "imagegene", "description": ""}
    for path, sent in ((CHARGE, body), ("/api/unified/holds", body)):
        assert refused(penora_api.post(path, sent, format="json"), 403, "app_mismatch")
    project = {"user_id": "alice", "app_source": "imagegene", "project_type": "text", "title": "T", "content": "x"}
    assert refused(penora_api.post("/api/unified/save-project", project, format="json"), 403, "app_mismatch")
    assert stored() == before


def test_a_disconnected_app_is_told_so_and_nothing_else(alice, penora, penora_api):
    services.disconnect(user=alice, app=penora)
    answer = penora_api.get(INFO, {"user_id": "alice"})
    assert refused(answer, 403, "app_not_connected")
    assert "Alice" not in answer.content.decode()
    assert refused(penora_api.post(CREATE, {**RITA, "user_id": "alice"}, format="json"), 403, "app_not_connected")


def test_an_unknown_user_is_not_found(penora_api):
    assert refused(penora_api.get(INFO, {"user_id": "nobody"}), 404, "user_not_found")


def test_an_app_must_name_its_user(penora_api):
    answer = penora_api.get(INFO)
    assert refused(answer, 400, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == ["user_id"]


def test_a_person_in_a_browser_sees_only_themselves(alice, bob):
    browser = APIClient()
    browser.force_login(alice)
    assert browser.get(INFO).json()["user_id"] == "alice"
    assert browser.get(INFO, {"user_id": "alice"}).status_code == 200
    assert refused(browser.get(INFO, {"user_id": "bob"}), 404, "user_not_found")


def test_a_person_in_a_browser_cannot_do_what_is_for_apps(alice, stored):
    browser = APIClient()
    browser.force_login(alice)
    before = stored()
    assert refused(browser.post(CREATE, RITA, format="json"), 403, "apps_only")
    charge = {"user_id": "alice", "amount": 1, "app_name": "penora"}
    assert refused(browser.post(CHARGE, charge, format="json"), 403, "apps_only")
    assert stored() == before


def test_a_browser_cannot_write_without_a_csrf_token(alice, stored):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)
    before = stored()
    assert refused(browser.post(CHARGE, {"user_id": "alice"}, format="json"), 403, "csrf_failed")
    assert stored() == before


def test_create_user_answers_with_the_person_and_sixty_credits(penora_api):
    answer = penora_api.post(CREATE, RITA, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["user_id"], body["username"], body["email"]) == ("rita", "Rita", "rita@example.com")
    assert (body["credits"], body["credits_balance"], body["credits_held"]) == (60, 60, 0)
    assert (body["storage_used_bytes"], body["storage_limit_bytes"]) == (0, 1_048_576)
    assert penora_api.get(INFO, {"user_id": "rita"}).json() == body


def test_create_user_again_updates_and_grants_nothing(penora_api):
    penora_api.post(CREATE, RITA, format="json")
    answer = penora_api.post(CREATE, {**RITA, "username": "Rita R.", "email": "r@example.com"}, format="json")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["username"], body["email"], body["credits"]) == ("Rita R.", "r@example.com", 60)
    history = penora_api.get("/api/unified/transactions", {"user_id": "rita"}).json()
    assert [entry["amount"] for entry in history["results"]] == [10, 50]


def test_create_user_refuses_an_email_of_somebody_else(alice, penora_api, stored):
    before = stored()
    answer = penora_api.post(CREATE, {**RITA, "email": "Alice@Example.COM"}, format="json")
    assert refused(answer, 409, "email_taken")
    assert stored() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("user_id", value) for value in (None, 5, "", "a b", "x" * 129, ["a"], "a/b", "é")),
        *(("username", value) for value in (None, 5, "", "x" * 151, {}, "a\nb")),
        *(("email", value) for value in (None, 5, "", "nobody", "a@b", f"{'x' * 250}@example.com", True)),
        ("emial", "rita@example.com"),
    ],
)
def test_create_user_names_the_field_that_is_wrong(penora_api, stored, field, value):
    before = stored()
    answer = penora_api.post(CREATE, {**RITA, field: value}, format="json")
    assert refused(answer, 400, "invalid_request")
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert stored() == before


@pytest.mark.parametrize("field", ["user_id", "username", "email"])
def test_create_user_needs_every_field(penora_api, field):
    answer = penora_api.post(CREATE, {name: RITA[name] for name in RITA if name != field}, format="json")
    assert refused(answer, 400, "invalid_request")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, "required")]
    assert not User.objects.exists()
