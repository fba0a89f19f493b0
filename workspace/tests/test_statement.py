"""The byte statement: every change of the used bytes with its cause, for ever, and a sum that is the bar."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import ClientApp, User
from workspace import services
from workspace.models import ADDING, FREEING, NEUTRAL, Cause, Project, StorageEntry, Workspace
from workspace.services import WorkspaceFull
from workspace.tests.cast import BASE, LIMIT, adds_up, fill, save, saved, text_of, used

pytestmark = pytest.mark.django_db


def causes(user: User) -> list[tuple[str, int]]:
    return list(StorageEntry.objects.owned_by(user).order_by("number").values_list("cause", "delta_bytes"))


def test_every_change_has_an_entry_that_says_why(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora, 300).project
    services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(120), changes={})
    services.update_project(user=alice, app=None, project_code=made.code, changes={"title": "Renamed"})
    services.trash(user=alice, app=None, project_code=made.code)
    services.restore(user=alice, app=None, project_code=made.code)
    services.purge(user=alice, app=None, project_code=made.code)
    assert causes(alice) == [("saved", 300), ("updated", -180), ("trashed", 0), ("restored", 0), ("purged", -120)]
    last = StorageEntry.objects.order_by("number").last()
    assert last is not None
    assert (last.title, last.project_code, last.app, last.used_after_bytes) == ("Renamed", made.code, penora, 0)
    assert adds_up(alice)


def test_what_was_emptied_and_what_ran_out_are_told_apart(alice: User, penora: ClientApp) -> None:
    old, young = (save(alice, penora, 10).project.code for _ in range(2))
    services.trash_many(user=alice, app=None, project_codes=[old, young])
    Project.objects.filter(code=old).update(trashed_at=timezone.now() - timedelta(days=31))
    services.purge_expired()
    services.empty_trash(user=alice)
    assert causes(alice)[-2:] == [("expired", -10), ("purged", -10)]


def test_a_change_that_is_refused_leaves_no_entry(alice: User, penora: ClientApp, stored) -> None:
    fill(alice, penora, leaving=5)
    before = stored()
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 6)
    assert stored() == before


@pytest.mark.parametrize("statement", ["UPDATE {} SET delta_bytes = 0", "DELETE FROM {}"])
def test_the_statement_cannot_be_rewritten(alice: User, penora: ClientApp, statement: str) -> None:
    save(alice, penora, 300)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format("workspace_storageentry"))
    assert causes(alice) == [("saved", 300)]


@pytest.mark.parametrize(
    ("cause", "delta"),
    [("saved", -1), ("purged", 1), ("trashed", 1), ("restored", -1), ("compressed", 1), ("found", 0)],
)
def test_the_sign_of_an_entry_fits_its_cause(alice: User, penora: ClientApp, cause: str, delta: int) -> None:
    save(alice, penora, 300)
    with pytest.raises(IntegrityError), transaction.atomic():
        StorageEntry.objects.create(workspace_id=alice.pk, number=2, cause=cause, delta_bytes=delta, used_after_bytes=9)
    StorageEntry.objects.create(workspace_id=alice.pk, number=2, cause="updated", delta_bytes=delta, used_after_bytes=9)


def test_two_entries_cannot_have_the_same_number(alice: User, penora: ClientApp) -> None:
    save(alice, penora, 300)
    with pytest.raises(IntegrityError), transaction.atomic():
        StorageEntry.objects.create(workspace_id=alice.pk, number=1, cause="saved", delta_bytes=0, used_after_bytes=9)


def test_purging_many_takes_as_many_statements_as_purging_few(
    alice: User, penora: ClientApp, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    few, many = ([save(alice, penora, 10).project.code for _ in range(n)] for n in (2, 40))
    with django_assert_max_num_queries(25) as asked:
        services.purge_many(user=alice, app=penora, project_codes=few)
    with django_assert_num_queries(len(asked.captured_queries)):
        services.purge_many(user=alice, app=penora, project_codes=many)
    assert used(alice) == 0


# A workspace over full


def test_a_limit_may_be_lowered_below_what_is_used_and_nothing_is_lost(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora, 5_000).project
    workspace = services.set_limit(user=alice, limit_bytes=2_000)
    assert (workspace.used_bytes, workspace.excess_bytes, workspace.available_bytes) == (5_000, 3_000, 0)
    assert Project.objects.get(code=made.code).file_size_bytes == 5_000


def test_over_full_nothing_grows_and_everything_shrinks(alice: User, penora: ClientApp, stored) -> None:
    made, other = (save(alice, penora, size).project for size in (5_000, 4_000))
    services.set_limit(user=alice, limit_bytes=2_000)
    before = stored()
    with pytest.raises(WorkspaceFull) as refusal:
        save(alice, penora, 1)
    assert refusal.value.facts["available_bytes"] == 0
    assert sum(item["frees_bytes"] for item in refusal.value.facts["suggestions"]) >= 9_000 + 1 - 2_000
    with pytest.raises(WorkspaceFull):
        services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(5_001), changes={})
    assert stored() == before
    services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(5_000), changes={})
    services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(1_000), changes={})
    assert Workspace.objects.get().excess_bytes == 3_000
    services.trash(user=alice, app=None, project_code=other.code)
    services.restore(user=alice, app=None, project_code=other.code)
    services.purge(user=alice, app=None, project_code=other.code)
    assert Workspace.objects.values_list("used_bytes", "excess_bytes").get() == (1_000, 0)
    assert save(alice, penora, 1_000).workspace.available_bytes == 0


def test_what_was_freed_below_a_lowered_limit_cannot_be_taken_again(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora, 5_000).project
    services.set_limit(user=alice, limit_bytes=2_000)
    services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(4_000), changes={})
    with pytest.raises(WorkspaceFull):
        services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(4_001), changes={})


def test_a_raised_limit_ends_the_excess(alice: User, penora: ClientApp) -> None:
    save(alice, penora, 5_000)
    services.set_limit(user=alice, limit_bytes=2_000)
    workspace = services.set_limit(user=alice, limit_bytes=6_000)
    assert (workspace.excess_bytes, workspace.available_bytes) == (0, 1_000)


@pytest.mark.parametrize(
    "change",
    [
        {"used_bytes": LIMIT + 1},
        {"used_bytes": LIMIT + 2, "excess_bytes": 1},
        {"excess_bytes": 1},
        {"used_bytes": -1},
        {"excess_bytes": -1},
    ],
)
def test_the_database_has_the_last_word_on_the_limit(alice: User, penora: ClientApp, change: dict[str, int]) -> None:
    save(alice, penora, 300)
    with pytest.raises(IntegrityError), transaction.atomic():
        Workspace.objects.filter(pk=alice.pk).update(**change)
    assert used(alice) == 300


# The endpoint


def test_the_statement_is_listed_newest_first_with_its_sums(
    alice: User, bob: User, penora: ClientApp, penora_api
) -> None:
    made = saved(penora_api, title="A page", content="x" * 300, compression="none")
    save(bob, penora, 77)
    assert penora_api.delete(f"{BASE}/project/{made['project_code']}?user_id=alice&permanent=true").status_code == 200
    answer = penora_api.get(f"{BASE}/storage-statement?user_id=alice").json()
    assert [(entry["number"], entry["cause"], entry["delta_bytes"]) for entry in answer["results"]] == [
        (2, "purged", -300),
        (1, "saved", 300),
    ]
    assert answer["results"][1] == {
        "number": 1,
        "cause": "saved",
        "app_source": "penora",
        "project_code": made["project_code"],
        "title": "A page",
        "delta_bytes": 300,
        "used_after_bytes": 300,
        "created_at": answer["results"][1]["created_at"],
    }
    by_cause = {"saved": 300, "purged": -300}
    assert answer["summary"] == {"added_bytes": 300, "freed_bytes": 300, "by_cause": by_cause}


def test_the_statement_comes_in_pages_and_by_filter(alice: User, penora: ClientApp, penora_api) -> None:
    codes = [save(alice, penora, 10).project.code for _ in range(5)]
    services.trash(user=alice, app=None, project_code=codes[0])
    first = penora_api.get(f"{BASE}/storage-statement?user_id=alice&limit=4").json()
    assert [entry["number"] for entry in first["results"]] == [6, 5, 4, 3]
    save(alice, penora, 10)
    second = penora_api.get(first["next"]).json()
    assert [entry["number"] for entry in second["results"]] == [2, 1]
    assert second["next"] is None
    for query, numbers in (
        ("cause=trashed", [6]),
        (f"project_code={codes[0]}", [6, 1]),
        ("app_source=imagegene", []),
        ("created_before=2020-01-01T00:00:00Z", []),
    ):
        found = penora_api.get(f"{BASE}/storage-statement?user_id=alice&{query}").json()
        assert [entry["number"] for entry in found["results"]] == numbers


def test_the_statement_is_a_table_on_request(alice: User, penora: ClientApp, penora_api) -> None:
    save(alice, penora, 10, title="=1+1")
    save(alice, penora, 20)
    answer = penora_api.get(f"{BASE}/storage-statement?user_id=alice", HTTP_ACCEPT="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(row["number"], row["title"], row["delta_bytes"]) for row in rows] == [
        ("2", "A page", "20"),
        ("1", "'=1+1", "10"),
    ]
    listed = penora_api.get(f"{BASE}/storage-statement?user_id=alice").json()["results"]
    assert [row["created_at"] for row in rows] == [entry["created_at"] for entry in listed]


@pytest.mark.parametrize(
    "query",
    ["cause=found", "project_code=x", "limit=0", "cursor=x", "created_after=today", "colour=red", "ordering=number"],
)
def test_a_statement_query_that_makes_no_sense_is_refused_by_name(alice: User, penora_api, query: str) -> None:
    answer = penora_api.get(f"{BASE}/storage-statement?user_id=alice&{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [query.split("=")[0]]


def test_a_person_reads_their_own_statement_in_the_browser(alice: User, bob: User, penora: ClientApp, client) -> None:
    save(alice, penora, 10)
    save(bob, penora, 20)
    client.force_login(alice)
    answer = client.get(f"{BASE}/storage-statement").json()
    assert [entry["delta_bytes"] for entry in answer["results"]] == [10]
    assert client.get(f"{BASE}/storage-statement?user_id=bob").status_code == 404


def test_every_cause_has_a_sign() -> None:
    assert {*ADDING, *FREEING, *NEUTRAL, Cause.UPDATED} == set(Cause)
