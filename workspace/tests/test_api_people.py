"""People over HTTP: made once, seen by their apps, by themselves in a browser, and by nobody else."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import ClientApp, Connection, User
from accounts.tests.cast import client_of
from credits import services as credits
from credits.models import Entry
from workspace.models import Workspace
from workspace.tests.cast import BASE, LIMIT, base64_of, body_of, fill, picture, save, saved, used

pytestmark = pytest.mark.django_db
CAROL = {"user_id": "carol", "username": "Carol", "email": "Carol@Example.com"}
USER_INFO = {
    "user_id",
    "username",
    "email",
    "credits",
    "credits_balance",
    "credits_held",
    "credits_expiring",
    "storage_used_bytes",
    "storage_limit_bytes",
    "storage_stats",
    "storage_preferences",
    "created_at",
}


def test_a_new_user_starts_with_sixty_credits_in_two_entries(penora_api: APIClient) -> None:
    answer = penora_api.post(f"{BASE}/create-user", CAROL, format="json")
    assert answer.status_code == 201
    info = answer.json()
    assert set(info) == USER_INFO
    assert (info["user_id"], info["username"], info["email"]) == ("carol", "Carol", "carol@example.com")
    assert (info["credits"], info["credits_balance"], info["credits_held"]) == (60, 60, 0)
    assert (info["storage_used_bytes"], info["storage_limit_bytes"]) == (0, LIMIT)
    entries = Entry.objects.order_by("version").values_list("transaction_type", "amount", "balance_after")
    assert list(entries) == [("base", 50, 50), ("bonus", 10, 60)]
    assert Workspace.objects.get().user.user_id == "carol"
    assert Connection.objects.get().app.slug == "penora"


def test_the_same_user_again_is_updated_and_granted_nothing(penora_api: APIClient, imagegene_api: APIClient) -> None:
    penora_api.post(f"{BASE}/create-user", CAROL, format="json")
    changed = {"user_id": "carol", "username": "Caroline", "email": "caroline@example.com"}
    answer = imagegene_api.post(f"{BASE}/create-user", changed, format="json")
    assert answer.status_code == 200
    assert (answer.json()["username"], answer.json()["email"]) == ("Caroline", "caroline@example.com")
    assert answer.json()["credits"] == 60
    assert Entry.objects.count() == 2
    assert Connection.objects.count() == 2


def test_an_email_of_another_user_is_409_whatever_its_case(alice: User, bob: User, penora_api, stored) -> None:
    before = stored()
    for body in ({**CAROL, "email": "ALICE@example.com"}, {"user_id": "bob", "username": "B", "email": alice.email}):
        answer = penora_api.post(f"{BASE}/create-user", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert stored() == before


def test_creating_a_user_twice_with_one_key_answers_the_same(penora_api: APIClient) -> None:
    first, again = (
        penora_api.post(f"{BASE}/create-user", CAROL, format="json", HTTP_IDEMPOTENCY_KEY="carol") for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)


def test_user_info_shows_what_can_be_spent_now(alice: User, penora: ClientApp, penora_api: APIClient) -> None:
    save(alice, penora, 262_144, charge={"amount": 10})
    credits.hold(user=alice, app=penora, amount=7)
    answer = penora_api.get(f"{BASE}/user-info?user_id=alice")
    assert answer.status_code == 200
    info = answer.json()
    assert set(info) == USER_INFO
    assert (info["credits"], info["credits_balance"], info["credits_held"]) == (43, 50, 7)
    assert info["storage_used_bytes"] == 262_144
    assert info["storage_stats"] == {
        "used_mb": 0.25,
        "limit_mb": 1.0,
        "available_mb": 0.75,
        "usage_percentage": 25.0,
        "used_bytes": 262_144,
        "limit_bytes": LIMIT,
        "available_bytes": LIMIT - 262_144,
        "over_bytes": 0,
    }


def test_storage_stats_say_it_in_mb_and_in_bytes(alice: User, penora: ClientApp, penora_api, imagegene_api) -> None:
    fill(alice, penora, leaving=LIMIT // 2)
    art = {"app_source": "imagegene", "project_type": "ai_art", "content": base64_of(picture())}
    made = saved(imagegene_api, **art)
    gone = saved(penora_api, compression="none")
    assert penora_api.delete(f"{BASE}/project/{gone['project_code']}?user_id=alice").status_code == 200
    answer = penora_api.get(f"{BASE}/storage-stats?user_id=alice")
    assert answer.status_code == 200
    report = answer.json()
    assert set(report) >= {"storage_stats", "breakdown", "by_type", "largest", "saved_by_compression_bytes"}
    breakdown = report["breakdown"]
    expected = {
        "penora_mb": 0.5,
        "imagegene_mb": 0.0,
        "total_projects": 3,
        "penora_projects": 2,
        "imagegene_projects": 1,
        "penora_bytes": LIMIT // 2,
        "imagegene_bytes": made["file_size_bytes"],
        "trash_bytes": 16,
    }
    assert {name: breakdown[name] for name in expected} == expected
    assert report["storage_stats"]["used_bytes"] == used(alice)
    assert report["by_type"]["ai_art"] == {"bytes": made["file_size_bytes"], "projects": 1}
    assert report["largest"][0]["file_size_bytes"] == 500_000
    assert len(report["largest"]) == 3


def without_instance(answer: HttpResponse) -> dict[str, Any]:
    assert answer.status_code == 404
    return {name: value for name, value in answer.json().items() if name != "instance"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["project/{}", "project/{}/content", "project/{}/thumbnail"])
def test_bobs_project_reads_exactly_like_one_that_never_was(alice, bob, penora, penora_api, path: str) -> None:
    theirs = save(bob, penora).project.code
    found = [penora_api.get(f"{BASE}/{path.format(code)}?user_id=alice") for code in (theirs, "ZZZZZZ")]
    assert without_instance(found[0]) == without_instance(found[1])
    assert found[0].json()["code"] == "project_not_found"


def test_bobs_project_changes_exactly_like_one_that_never_was(alice, bob, penora, penora_api, stored) -> None:
    theirs = save(bob, penora).project.code
    credits.wallet_of(user=alice)
    before = stored()
    answers = []
    for code in (theirs, "ZZZZZZ"):
        url = f"{BASE}/project/{code}"
        body = body_of(project_code=code, charge={"amount": 1})
        answers.append(
            [
                without_instance(penora_api.patch(url, {"user_id": "alice", "title": "New"}, format="json")),
                without_instance(penora_api.delete(f"{url}?user_id=alice")),
                without_instance(penora_api.delete(f"{url}?user_id=alice&permanent=true")),
                without_instance(penora_api.post(f"{BASE}/save-project", body, format="json")),
            ]
        )
    assert answers[0] == answers[1]
    assert {answer["code"] for answer in answers[0]} == {"project_not_found"}
    assert stored() == before


@pytest.mark.parametrize("path", ["user-info", "projects", "storage-stats", "project/ABCDEF", "project/ABCDEF/content"])
def test_an_unknown_user_is_404(alice: User, penora_api: APIClient, path: str) -> None:
    answer = penora_api.get(f"{BASE}/{path}?user_id=nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


@pytest.mark.parametrize("path", ["user-info", "projects", "storage-stats", "project/ABCDEF"])
def test_reading_needs_a_key_and_its_scope(alice: User, penora: ClientApp, path: str) -> None:
    anonymous = APIClient().get(f"{BASE}/{path}?user_id=alice")
    assert (anonymous.status_code, "Bearer" in anonymous["WWW-Authenticate"]) == (401, True)
    _, key = accounts.create_api_key(app=penora, scopes=["events:read"])
    refused = client_of(key).get(f"{BASE}/{path}?user_id=alice")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


def test_a_stranger_app_reaches_only_whom_it_made(alice: User, stranger_app: ClientApp) -> None:
    stranger = client_of(accounts.create_api_key(app=stranger_app)[1])
    refused = stranger.get(f"{BASE}/projects?user_id=alice")
    assert (refused.status_code, refused.json()["code"]) == (404, "user_not_found")
    assert stranger.post(f"{BASE}/create-user", CAROL, format="json").status_code == 201
    assert stranger.get(f"{BASE}/projects?user_id=carol").status_code == 200


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's browser, signed in, with a CSRF cookie that is asked for."""
    made = Client(enforce_csrf_checks=True)
    made.force_login(alice)
    made.cookies["csrftoken"] = "a" * 32
    return made


CSRF = {"HTTP_X_CSRFTOKEN": "a" * 32}


@pytest.mark.parametrize("query", ["", "?user_id=alice"])
def test_a_browser_reads_its_own_with_or_without_user_id(alice, penora, browser: Client, query: str) -> None:
    code = save(alice, penora, title="Mine").project.code
    assert browser.get(f"{BASE}/user-info{query}").json()["user_id"] == "alice"
    assert browser.get(f"{BASE}/projects{query}").json()["all_projects"][0]["title"] == "Mine"
    assert browser.get(f"{BASE}/storage-stats{query}").json()["breakdown"]["total_projects"] == 1
    assert browser.get(f"{BASE}/project/{code}{query}").json()["content"] == "x" * 100
    assert browser.get(f"{BASE}/project/{code}/content{query}").content == b"x" * 100


def test_a_browser_finds_no_other_user(bob: User, penora: ClientApp, browser: Client) -> None:
    theirs = save(bob, penora).project.code
    assert browser.get(f"{BASE}/project/{theirs}").json()["code"] == "project_not_found"
    for path in ("user-info", "projects", "storage-stats", f"project/{theirs}", f"project/{theirs}/content"):
        known = without_instance(browser.get(f"{BASE}/{path}?user_id=bob"))
        assert known == without_instance(browser.get(f"{BASE}/{path}?user_id=nobody"))
        assert known["code"] == "user_not_found"


def test_a_browser_changes_and_deletes_what_any_app_made(alice, imagegene, browser: Client) -> None:
    code = save(alice, imagegene).project.code
    url = f"{BASE}/project/{code}"
    changed = browser.patch(url, {"title": "Renamed"}, content_type="application/json", **CSRF)
    assert (changed.status_code, changed.json()["title"]) == (200, "Renamed")
    assert browser.delete(url, **CSRF).status_code == 200
    assert browser.delete(f"{url}?permanent=true", **CSRF).json()["freed_bytes"] == 100


def test_a_browser_without_csrf_changes_nothing(alice, penora, browser: Client, stored) -> None:
    url = f"{BASE}/project/{save(alice, penora).project.code}"
    before = stored()
    for refused in (browser.patch(url, {"title": "New"}, content_type="application/json"), browser.delete(url)):
        assert refused.status_code == 403
        assert refused["Content-Type"] == "application/problem+json"
    assert stored() == before


@pytest.mark.parametrize("path", ["save-project", "create-user", "deduct-credits", "holds", "give-bonus-credits"])
def test_a_browser_does_not_do_what_apps_do(alice: User, browser: Client, stored, path: str) -> None:
    before = stored()
    answer = browser.post(f"{BASE}/{path}", body_of(), content_type="application/json", **CSRF)
    assert (answer.status_code, answer.json()["code"]) == (403, "apps_only")
    assert stored() == before
