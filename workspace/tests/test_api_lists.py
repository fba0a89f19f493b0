"""The merged list: its shape, filters, orders and pages that stay put."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ClientApp, User
from workspace import content, services
from workspace.models import Project
from workspace.tests.cast import BASE, picture, save, saved

pytestmark = pytest.mark.django_db


def listed(api: APIClient, query: str = "") -> dict[str, Any]:
    answer = api.get(f"{BASE}/projects?user_id=alice{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def titles(page: dict[str, Any]) -> list[str]:
    return [project["title"] for project in page["all_projects"]]


@pytest.fixture
def shelf(alice: User, bob: User, penora: ClientApp, imagegene: ClientApp) -> None:
    """Four live projects of two apps over four days, one in the trash, and one of Bob's."""
    art = content.prepare(project_type="ai_art", content=picture())
    save(alice, penora, 400, title="Anchor", tags=["sea"], metadata={"mood": "calm"})
    save(alice, penora, 100, title="Beacon", tags=["sea", "light"], favourite=True)
    save(alice, imagegene, title="Coral", prepared=art, project_type="ai_art", tags=["sea"])
    save(alice, imagegene, 300, title="Dune", favourite=True)
    gone = save(alice, penora, 200, title="Ebb", tags=["sea"]).project.code
    services.trash(user=alice, app=None, project_code=gone)
    save(bob, penora, 10, title="Bob's anchor", tags=["sea"])
    for days, title in enumerate(["Dune", "Coral", "Beacon", "Anchor"]):
        at = timezone.now() - timedelta(days=days)
        Project.objects.filter(title=title).update(created_at=at, updated_at=at + timedelta(hours=1))


def test_the_list_is_merged_and_split_by_app(shelf, penora_api: APIClient) -> None:
    page = listed(penora_api)
    assert set(page) == {
        "all_projects",
        "penora_projects",
        "imagegene_projects",
        "total_projects",
        "total_is_exact",
        "counts",
        "next",
        "previous",
    }
    assert titles(page) == ["Dune", "Coral", "Beacon", "Anchor"]
    assert page["penora_projects"] == page["all_projects"][2:]
    assert page["imagegene_projects"] == page["all_projects"][:2]
    assert (page["total_projects"], page["counts"]) == (4, {"penora": 2, "imagegene": 2})
    assert (page["next"], page["previous"]) == (None, None)
    assert "content" not in page["all_projects"][0]


def test_both_apps_see_the_same_list(shelf, penora_api: APIClient, imagegene_api: APIClient) -> None:
    assert listed(imagegene_api) == listed(penora_api)


def test_another_client_app_gets_its_own_list(shelf, stranger_app, penora_api: APIClient) -> None:
    page = listed(penora_api)
    assert page["stranger_projects"] == []
    assert page["counts"]["stranger"] == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("&app_source=penora", ["Beacon", "Anchor"]),
        ("&app_source=imagegene", ["Dune", "Coral"]),
        ("&app_source=nobody", []),
        ("&project_type=ai_art", ["Coral"]),
        ("&project_type=text", ["Dune", "Beacon", "Anchor"]),
        ("&tag=sea", ["Coral", "Beacon", "Anchor"]),
        ("&tag=light", ["Beacon"]),
        ("&favourite=true", ["Dune", "Beacon"]),
        ("&favourite=false", ["Coral", "Anchor"]),
        ("&trashed=true", ["Ebb"]),
        ("&trashed=false", ["Dune", "Coral", "Beacon", "Anchor"]),
        ("&q=anchor", ["Anchor"]),
        ("&q=CALM", ["Anchor"]),
        ("&app_source=penora&tag=sea&favourite=true", ["Beacon"]),
        ("&ordering=title", ["Anchor", "Beacon", "Coral", "Dune"]),
        ("&ordering=-title", ["Dune", "Coral", "Beacon", "Anchor"]),
        ("&ordering=created_at", ["Anchor", "Beacon", "Coral", "Dune"]),
        ("&ordering=-updated_at", ["Dune", "Coral", "Beacon", "Anchor"]),
        ("&project_type=text&ordering=file_size_bytes", ["Beacon", "Dune", "Anchor"]),
        ("&project_type=text&ordering=-file_size_bytes", ["Anchor", "Dune", "Beacon"]),
    ],
)
def test_filters_and_orders_show_what_they_name(shelf, penora_api: APIClient, query: str, expected) -> None:
    page = listed(penora_api, query)
    assert titles(page) == expected
    assert page["total_projects"] == len(expected)


def test_a_time_filter_takes_any_offset(shelf, penora_api: APIClient) -> None:
    middle = (timezone.now() - timedelta(days=1, hours=12)).isoformat().replace("+", "%2B")
    assert titles(listed(penora_api, f"&created_after={middle}")) == ["Dune", "Coral"]
    assert titles(listed(penora_api, f"&created_before={middle}")) == ["Beacon", "Anchor"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("&tags=sea", "tags"),
        ("&app_name=penora", "app_name"),
        ("&page=2", "page"),
        ("&limit=0", "limit"),
        ("&limit=101", "limit"),
        ("&limit=ten", "limit"),
        ("&limit=-1", "limit"),
        ("&limit=1&limit=2", "limit"),
        ("&cursor=made-up", "cursor"),
        ("&cursor=", "cursor"),
        ("&ordering=user", "ordering"),
        ("&ordering=--title", "ordering"),
        ("&ordering=", "ordering"),
        ("&project_type=video", "project_type"),
        ("&favourite=1", "favourite"),
        ("&trashed=yes", "trashed"),
        ("&created_after=yesterday", "created_after"),
        ("&created_after=2026-01-01", "created_after"),
        ("&created_before=2026-01-01T00:00:00", "created_before"),
        ("&created_before=2026-02-30T00:00:00Z", "created_before"),
        ("&q=", "q"),
        ("&q=" + "a" * 201, "q"),
        ("&q=a%00b", "q"),
        ("&tag=" + "a" * 51, "tag"),
        ("&tag=sea&tag=light", "tag"),
        ("&user_id=bob", "user_id"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused_by_name(alice: User, penora_api, query: str, name: str) -> None:
    answer = penora_api.get(f"{BASE}/projects?user_id=alice{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [name]


@pytest.mark.parametrize("path", ["projects", "user-info", "storage-stats", "project/ABCDEF"])
@pytest.mark.parametrize("query", ["", "?user_id=", "?user_id=a%20b", "?user_id=alice&verbose=1", "?user_id=%ED%A0%80"])
def test_reads_need_one_well_formed_user_and_nothing_unknown(alice: User, penora_api, path: str, query: str) -> None:
    answer = penora_api.get(f"{BASE}/{path}{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def walked(api: APIClient, url: str | None, link: str) -> list[list[str]]:
    pages = []
    while url:
        page = api.get(url).json()
        pages.append(titles(page))
        url = page[link]
        assert len(pages) < 20
    return pages


@pytest.mark.parametrize("ordering", ["-created_at", "created_at", "title", "-file_size_bytes"])
def test_pages_show_every_project_once_in_both_directions(alice: User, penora, penora_api, ordering: str) -> None:
    for number in range(7):
        save(alice, penora, 50 * (number % 3 + 1), title=f"Page {number % 4}")
    Project.objects.update(created_at=timezone.now())
    whole = [item["project_code"] for item in listed(penora_api, f"&ordering={ordering}")["all_projects"]]
    url, seen, back = f"{BASE}/projects?user_id=alice&ordering={ordering}&limit=2", [], []
    while url:
        page = penora_api.get(url).json()
        seen.append([item["project_code"] for item in page["all_projects"]])
        last, url = page, page["next"]
    assert [code for part in seen for code in part] == whole
    assert [len(part) for part in seen] == [2, 2, 2, 1]
    while last["previous"]:
        last = penora_api.get(last["previous"]).json()
        back.insert(0, [item["project_code"] for item in last["all_projects"]])
    assert back == seen[:-1]


def test_a_project_saved_between_two_pages_moves_nothing(alice: User, penora: ClientApp, penora_api) -> None:
    for number in range(5):
        save(alice, penora, title=f"Page {number}")
    first = listed(penora_api, "&limit=2")
    saved(penora_api, title="Newest")
    rest = walked(penora_api, first["next"], "next")
    assert [titles(first), *rest] == [["Page 4", "Page 3"], ["Page 2", "Page 1"], ["Page 0"]]
    second = penora_api.get(first["next"]).json()
    back = penora_api.get(second["previous"]).json()
    assert titles(back) == titles(first)
    assert walked(penora_api, back["previous"], "previous") == [["Newest"]]


def test_a_project_deleted_between_two_pages_skips_nothing(alice: User, penora: ClientApp, penora_api) -> None:
    codes = [save(alice, penora, title=f"Page {number}").project.code for number in range(5)]
    first = listed(penora_api, "&limit=2")
    services.purge(user=alice, app=None, project_code=codes[3])
    assert walked(penora_api, first["next"], "next") == [["Page 2", "Page 1"], ["Page 0"]]


def test_a_cursor_keeps_the_filters_it_was_made_with(shelf, penora_api: APIClient) -> None:
    page = listed(penora_api, "&tag=sea&limit=1")
    assert walked(penora_api, page["next"], "next") == [["Beacon"], ["Anchor"]]
    stolen = page["next"].replace("tag=sea", "tag=light")
    assert penora_api.get(stolen).status_code == 400


def test_a_list_answers_304_until_it_changes(alice: User, penora_api: APIClient) -> None:
    url = f"{BASE}/projects?user_id=alice"
    etag = penora_api.get(url)["ETag"]
    assert penora_api.get(url, HTTP_IF_NONE_MATCH=etag).status_code == 304
    saved(penora_api)
    assert penora_api.get(url, HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_a_long_list_takes_few_queries(alice: User, penora, penora_api, django_assert_max_num_queries) -> None:
    for number in range(30):
        save(alice, penora, title=f"Page {number}")
    with django_assert_max_num_queries(12):
        assert len(listed(penora_api, "&limit=30")["all_projects"]) == 30


@pytest.mark.parametrize("query", ["", "&tag=sea", "&q=anc", "&q=dune&tag=sea", "&tag=sea&app_source=penora", "&q=!"])
@pytest.mark.parametrize("trashed", ["", "&trashed=true"])
def test_all_that_fits_is_counted_on_the_first_of_many_pages(shelf, penora_api: APIClient, query, trashed) -> None:
    whole = listed(penora_api, f"{query}{trashed}")
    first = listed(penora_api, f"{query}{trashed}&limit=1")
    kept = {name: len(whole[f"{name}_projects"]) for name in ("penora", "imagegene")}
    assert (first["total_projects"], first["counts"]) == (len(whole["all_projects"]), kept)
    assert [len(first["all_projects"])] == [min(1, len(whole["all_projects"]))]


def test_what_has_a_phrase_is_counted_so_far_and_the_list_says_so(
    shelf, penora_api: APIClient, alice, penora, monkeypatch
):
    monkeypatch.setattr("workspace.filters.MOST_COUNTED", 3)

    def total(query: str) -> tuple[int, bool]:
        page = listed(penora_api, f"&limit=1&q={query}")
        assert page["next"]
        return page["total_projects"], page["total_is_exact"]

    for number in range(3):
        save(alice, penora, title=f"Green tea {number}")
    assert total('"green tea"') == (3, True)
    save(alice, penora, title="Green tea again")
    assert total('"green tea"') == (3, False)
    assert total("green tea") == (4, True)
    everything = listed(penora_api, '&q="green tea"')
    assert (len(everything["all_projects"]), everything["total_projects"], everything["total_is_exact"]) == (4, 4, True)
