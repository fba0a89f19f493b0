"""Many projects at once: one transaction, an outcome for every code, nobody else's touched."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, ClientApp, Event, User
from workspace import services
from workspace.models import Project
from workspace.tests.cast import BASE, adds_up, events_of, save, saved, used

pytestmark = pytest.mark.django_db
CODES = "project_codes"


@pytest.fixture
def shelf(alice: User, bob: User, penora: ClientApp, imagegene: ClientApp) -> dict[str, str]:
    """Alice's text and picture-to-be, one text in the trash, and a text of Bob's; their codes by name."""
    made = {
        "text": save(alice, penora, 100),
        "other app": save(alice, imagegene, 200),
        "trashed": save(alice, penora, 400),
        "bob's": save(bob, penora, 800),
    }
    services.trash(user=alice, app=None, project_code=made["trashed"].project.code)
    return {name: it.project.code for name, it in made.items()} | {"nobody's": "ZZZZZ9"}


def send(api, path: str, **fields):
    return api.post(f"{BASE}/projects/{path}", {"user_id": "alice", **fields}, format="json")


def states() -> dict[str, bool]:
    return {project.code: project.trashed_at is None for project in Project.objects.all()}


def test_many_are_trashed_at_once_and_each_code_has_an_outcome(shelf, penora_api, alice: User) -> None:
    answer = send(penora_api, "delete", project_codes=list(shelf.values()))
    assert answer.status_code == 200
    body = answer.json()
    assert [item["project_code"] for item in body["results"]] == list(shelf.values())
    assert [item["status"] for item in body["results"]] == [200, 403, 200, 404, 404]
    assert [item.get("code") for item in body["results"]][1:] == [
        "app_mismatch",
        None,
        "project_not_found",
        "project_not_found",
    ]
    assert body["results"][3]["detail"] == body["results"][4]["detail"]
    assert (body["deleted"], body["permanent"], body["freed_bytes"]) == (2, False, 0)
    assert body["storage_stats"]["used_bytes"] == used(alice) == 700
    live = states()
    assert [live[shelf[name]] for name in ("text", "other app", "trashed", "bob's")] == [False, True, False, True]


def test_many_are_deleted_for_good_at_once(shelf, penora_api, alice: User) -> None:
    body = send(penora_api, "delete", project_codes=[shelf["text"], shelf["trashed"]], permanent=True).json()
    assert [item["freed_bytes"] for item in body["results"]] == [100, 400]
    assert (body["deleted"], body["permanent"], body["freed_bytes"]) == (2, True, 500)
    assert set(states()) == {shelf["other app"], shelf["bob's"]}
    assert body["storage_stats"]["used_bytes"] == used(alice) == 200
    assert adds_up(alice)


def test_many_are_restored_at_once(shelf, penora_api) -> None:
    send(penora_api, "delete", project_codes=[shelf["text"]])
    body = send(penora_api, "restore", project_codes=[shelf["text"], shelf["trashed"], shelf["other app"]]).json()
    assert [item["status"] for item in body["results"]] == [200, 200, 403]
    assert [item.get("trashed_at") for item in body["results"]] == [None, None, None]
    assert body["restored"] == 2
    assert all(states().values())


def test_what_is_there_already_is_left_as_it_is(shelf, penora_api) -> None:
    before = Project.objects.get(code=shelf["trashed"])
    events = Event.objects.count()
    assert send(penora_api, "delete", project_codes=[shelf["trashed"]]).json()["results"][0]["status"] == 200
    assert send(penora_api, "restore", project_codes=[shelf["text"]]).json()["results"][0]["status"] == 200
    after = Project.objects.get(code=shelf["trashed"])
    assert (after.trashed_at, after.version) == (before.trashed_at, before.version)
    assert Event.objects.count() == events


def test_only_what_was_restored_is_counted(shelf, penora_api, client, alice: User) -> None:
    assert send(penora_api, "restore", project_codes=[shelf["text"], shelf["trashed"]]).json()["restored"] == 1
    assert send(penora_api, "restore", project_codes=[shelf["text"], shelf["trashed"]]).json()["restored"] == 0
    send(penora_api, "delete", project_codes=[shelf["text"]])
    client.force_login(alice)
    page = client.post("/projects/restore", {"code": [shelf["text"], shelf["other app"]]}, follow=True)
    assert "1 project is back." in page.content.decode()


def test_every_project_has_its_events_and_the_bar_one(shelf, penora_api, alice: User) -> None:
    before = len(events_of(alice))
    send(penora_api, "delete", project_codes=[shelf["text"], shelf["trashed"]], permanent=True)
    assert events_of(alice)[before:] == ["storage.changed", "project.deleted", "project.deleted"]
    told = Event.objects.filter(user=alice, type="project.deleted").order_by("-pk")[:2]
    assert {event.data["project_code"] for event in told} == {shelf["text"], shelf["trashed"]}
    assert all(event.data["permanent"] for event in told)


def test_a_bulk_delete_sent_twice_answers_the_same(shelf, penora_api) -> None:
    sent = {"project_codes": [shelf["text"]], "permanent": True, "user_id": "alice"}
    first, again = (
        penora_api.post(f"{BASE}/projects/delete", sent, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    )
    assert (first.status_code, again.content, again["Idempotency-Replayed"]) == (200, first.content, "true")


def test_a_person_changes_what_any_app_made(shelf, client, alice: User) -> None:
    client.force_login(alice)
    own = [shelf[name] for name in ("text", "other app", "bob's")]
    body = client.post(f"{BASE}/projects/delete", {CODES: own}, content_type="application/json").json()
    assert [item["status"] for item in body["results"]] == [200, 200, 404]
    body = client.post(f"{BASE}/projects/restore", {CODES: own}, content_type="application/json").json()
    assert [item["status"] for item in body["results"]] == [200, 200, 404]
    assert states()[shelf["bob's"]]


@pytest.mark.parametrize("path", ["delete", "restore", "compress"])
@pytest.mark.parametrize(
    "codes",
    [
        [],
        ["ABC"],
        ["ABCDEF", "ABCDEF"],
        [f"A{n:05}" for n in range(101)],
        "ABCDEF",
        None,
        [None],
        {"a": 1},
        [["ABCDEF"]],
    ],
)
def test_codes_that_make_no_sense_are_refused_by_name(shelf, penora_api, stored, path: str, codes) -> None:
    before = stored()
    answer = send(penora_api, path, project_codes=codes)
    assert answer.status_code == 400
    assert {error["field"].split(".")[0].split("[")[0] for error in answer.json()["errors"]} == {CODES}
    assert stored() == before


@pytest.mark.parametrize("path", ["delete", "restore", "compress"])
def test_only_a_post_with_the_right_scope_changes_many(shelf, penora_api, stored, path: str) -> None:
    before = stored()
    codes = {"user_id": "alice", CODES: [shelf["text"]]}
    for method in ("get", "put", "patch", "delete"):
        assert getattr(penora_api, method)(f"{BASE}/projects/{path}", codes, format="json").status_code == 405
    assert send(penora_api, path, project_codes=[shelf["text"]], permament=True).status_code == 400
    assert send(penora_api, path, project_codes=[shelf["text"]], user_id="nobody").status_code == 404
    ApiKey.objects.update(scopes=["workspace:read"])
    refused = send(penora_api, path, project_codes=[shelf["text"]])
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert stored() == before


def test_a_hundred_codes_take_as_many_statements_as_two(alice: User, penora: ClientApp, penora_api) -> None:
    def count(codes: list[str], path: str, **fields: bool) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert send(penora_api, path, project_codes=codes, **fields).status_code == 200
        return len(asked)

    few, many = (
        [saved(penora_api, title=f"{n}-{i}", content=f"{n}-{i}")["project_code"] for i in range(n)] for n in (2, 100)
    )
    for path, fields in (("delete", {}), ("restore", {}), ("delete", {"permanent": True})):
        assert count(many, path, **fields) == count(few, path, **fields)
    assert used(alice) == 0
