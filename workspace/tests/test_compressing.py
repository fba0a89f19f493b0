"""Compressing more: once for each picture, free of charge, what it costs said before, and never more bytes after."""

from dataclasses import replace

import pytest

from accounts.models import ClientApp, User
from credits.models import Entry
from workspace import content, services
from workspace.auditing import Tally, audit
from workspace.compression import offer_for
from workspace.models import Content, Project, StorageEntry
from workspace.tests.cast import BASE, LIMIT, adds_up, base64_of, body_of, events_of, noise, picture, save, saved, used

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def photo() -> bytes:
    return noise(96, 96)


@pytest.fixture
def painted(alice: User, imagegene: ClientApp, photo: bytes) -> Project:
    """A picture as it is stored by default."""
    prepared = content.prepare(project_type="image", content=photo)
    return save(alice, imagegene, prepared=prepared, project_type="image").project


def compress(api, *codes: str, **extra):
    return api.post(
        f"{BASE}/projects/compress", {"user_id": "alice", "project_codes": list(codes)}, format="json", **extra
    )


def test_a_picture_takes_fewer_bytes_afterwards_and_costs_nothing(alice, painted, imagegene_api) -> None:
    before, entries = painted.file_size_bytes, Entry.objects.count()
    offer = offer_for(painted)
    body = compress(imagegene_api, painted.code).json()
    project = Project.objects.get()
    freed = before - project.file_size_bytes
    assert (body["compressed"], body["freed_bytes"]) == (1, freed)
    assert body["results"][0] == {
        "project_code": painted.code,
        "status": 200,
        "title": "A page",
        "file_size_bytes": project.file_size_bytes,
        "freed_bytes": freed,
        "trashed_at": None,
        "version": 2,
        "undo": {
            "request": f"POST {BASE}/project/{painted.code}/versions/1/restore",
            "body": {"user_id": "alice"},
        },
    }
    assert offer is not None
    assert 0.5 * offer.saves_bytes < freed < 2 * offer.saves_bytes
    assert (project.encoder["q"], project.encoder["compressed"]["q"]) == (offer.quality_after, offer.quality_before)
    assert (project.width, project.height, project.original_size_bytes) == (96, 96, painted.original_size_bytes)
    assert body["storage_stats"]["used_bytes"] == used(alice) == project.file_size_bytes
    assert Content.objects.filter(lent=False).count() == 1
    assert Entry.objects.count() == entries
    assert StorageEntry.objects.order_by("-number").values_list("cause", "delta_bytes")[0] == ("compressed", -freed)
    assert events_of(alice)[-2:] == ["storage.changed", "project.saved"]
    assert adds_up(alice)
    assert imagegene_api.get(f"{BASE}/project/{painted.code}/content?user_id=alice").status_code == 200


def test_it_happens_once_for_each(alice, painted, imagegene_api) -> None:
    compress(imagegene_api, painted.code)
    stored = Project.objects.values().get()
    body = compress(imagegene_api, painted.code).json()
    assert [(item["status"], item["code"]) for item in body["results"]] == [(409, "already_compressed")]
    assert (body["compressed"], body["freed_bytes"]) == (0, 0)
    assert Project.objects.values().get() == stored


def test_a_text_stored_as_sent_loses_nothing_by_it(alice, penora, penora_api) -> None:
    text = "The rain had stopped, and nobody had noticed. " * 100
    made = saved(penora_api, content=text, compression="none")
    body = compress(penora_api, made["project_code"]).json()
    assert body["freed_bytes"] > len(text) // 2
    shown = penora_api.get(f"{BASE}/project/{made['project_code']}?user_id=alice").json()
    assert (shown["content"], shown["original_size_bytes"]) == (text, len(text))
    assert compress(penora_api, made["project_code"]).json()["results"][0]["code"] == "nothing_to_gain"
    assert adds_up(alice)


def test_every_code_has_its_outcome(alice, bob, penora, painted, imagegene_api) -> None:
    flat = save(
        alice, painted.app, prepared=content.prepare(project_type="image", content=picture()), project_type="image"
    )
    gone = save(alice, painted.app, 700).project.code
    services.trash(user=alice, app=None, project_code=gone)
    others = [save(alice, penora, 700).project.code, save(bob, painted.app, 700).project.code]
    body = compress(imagegene_api, painted.code, flat.project.code, gone, *others, "ZZZZZ9").json()
    told = [(item["status"], item.get("code")) for item in body["results"]]
    assert told == [
        (200, None),
        (409, "nothing_to_gain"),
        (404, "project_not_found"),
        (403, "app_mismatch"),
        (404, "project_not_found"),
        (404, "project_not_found"),
    ]
    assert body["compressed"] == 1
    assert adds_up(alice)


def test_what_two_projects_show_is_compressed_for_both_or_not_at_all(alice, painted, photo, imagegene_api) -> None:
    twin = save(alice, painted.app, prepared=content.prepare(project_type="image", content=photo), project_type="image")
    body = compress(imagegene_api, painted.code).json()
    assert body["results"][0]["code"] == "nothing_to_gain"
    before = used(alice)
    body = compress(imagegene_api, twin.project.code, painted.code).json()
    assert body["compressed"] == 2
    assert body["freed_bytes"] == before - used(alice) > 0
    sizes = Project.objects.order_by("pk").values_list("file_size_bytes", flat=True)
    assert list(sizes) == [used(alice), 0]
    assert Content.objects.filter(lent=False).count() == 1
    assert adds_up(alice)


def test_the_same_picture_compressed_again_is_still_kept_once(alice, painted, photo, imagegene_api) -> None:
    compress(imagegene_api, painted.code)
    again = save(
        alice, painted.app, prepared=content.prepare(project_type="image", content=photo), project_type="image"
    )
    before = used(alice)
    body = compress(imagegene_api, again.project.code).json()
    assert body["freed_bytes"] == again.project.file_size_bytes == before - used(alice)
    assert Content.objects.filter(lent=False).count() == 1
    assert adds_up(alice)


def test_bytes_that_are_there_already_are_described_as_they_were_stored(alice, painted, photo, imagegene_api) -> None:
    compress(imagegene_api, painted.code)
    again = save(
        alice, painted.app, prepared=content.prepare(project_type="image", content=photo), project_type="image"
    )
    named = {"user": alice, "app": None, "project_codes": [again.project.code]}
    ((key, made),) = services.encode_smaller(**named).items()
    assert isinstance(made, content.Prepared)
    # As a hurried encoder would have written them.
    services.compress_many(**named, attempts={key: replace(made, data=made.data + b"!")})
    assert Content.objects.filter(lent=False).count() == 1
    assert list(audit(Tally())) == []


def test_a_text_of_no_bytes_has_nothing_to_gain(alice, penora, penora_api) -> None:
    code = save(alice, penora, 0).project.code
    assert compress(penora_api, code).json()["results"][0]["code"] == "nothing_to_gain"


def test_a_project_that_changed_meanwhile_is_left_as_it_is(alice, painted) -> None:
    named = {"user": alice, "app": None, "project_codes": [painted.code]}
    attempts = services.encode_smaller(**named)
    other = content.prepare(project_type="image", content=noise(64, 64))
    services.update_project(user=alice, app=None, project_code=painted.code, prepared=other, changes={})
    (outcome,) = services.compress_many(**named, attempts=attempts)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "version_mismatch"
    assert Project.objects.get().content_hash == other.hash


def test_what_there_was_no_time_for_is_named(alice, painted, imagegene_api, monkeypatch) -> None:
    monkeypatch.setattr("workspace.services.compressing.SECONDS", -1)
    item = compress(imagegene_api, painted.code).json()["results"][0]
    assert (item["status"], item["code"]) == (503, "pictures_busy")
    assert Project.objects.get().version == 1


def test_compressing_works_in_a_full_and_in_an_over_full_workspace(alice, painted, imagegene_api) -> None:
    services.set_limit(user=alice, limit_bytes=used(alice) - 100)
    body = compress(imagegene_api, painted.code).json()
    assert body["compressed"] == 1
    assert body["storage_stats"]["over_bytes"] == 0
    assert adds_up(alice)


def test_a_compress_sent_twice_answers_the_same(alice, painted, imagegene_api) -> None:
    first, again = (compress(imagegene_api, painted.code, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert Project.objects.get().version == 2


def test_storing_takes_as_many_statements_for_many_as_for_few(
    alice, penora, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    def made(count: int, least: int) -> dict:
        codes = [save(alice, penora, least + number).project.code for number in range(count)]
        named = {"user": alice, "app": None, "project_codes": codes}
        return {**named, "attempts": services.encode_smaller(**named)}

    few, many = made(2, 600), made(30, 700)
    with django_assert_max_num_queries(30) as asked:
        assert all(outcome.freed_bytes for outcome in services.compress_many(**few))
    with django_assert_num_queries(len(asked.captured_queries)):
        services.compress_many(**many)
    assert adds_up(alice)


def test_the_list_says_what_each_step_frees_and_costs_before_it_runs(
    alice, bob, painted, penora, imagegene_api
) -> None:
    save(bob, penora, 90_000)
    small = save(alice, painted.app, 10).project.code
    gone = save(alice, painted.app, 400).project.code
    services.trash(user=alice, app=None, project_code=gone)
    body = imagegene_api.get(f"{BASE}/cleanup?user_id=alice").json()
    offer = offer_for(painted)
    assert offer is not None
    steps = [(item["action"], item["project_code"], item["frees_bytes"], item["estimated"]) for item in body["results"]]
    assert steps == [
        ("delete", painted.code, painted.file_size_bytes, False),
        ("compress", painted.code, offer.saves_bytes, True),
        ("purge", gone, 400, False),
        ("delete", small, 10, False),
    ]
    delete, smaller, purge, _ = body["results"]
    assert (smaller["quality_before"], smaller["quality_after"]) == (offer.quality_before, offer.quality_after)
    assert (delete["body"]["permanent"], purge["body"]["permanent"]) == (False, True)
    assert imagegene_api.post(delete["request"].split()[1], delete["body"], format="json").json()["deleted"] == 1
    undone = imagegene_api.post(delete["undo"]["request"].split()[1], delete["undo"]["body"], format="json")
    assert undone.json()["restored"] == 1
    assert imagegene_api.post(smaller["request"].split()[1], smaller["body"], format="json").json()["compressed"] == 1
    fewer = imagegene_api.get(f"{BASE}/cleanup?user_id=alice&limit=1").json()["results"]
    assert [(item["action"], item["project_code"]) for item in fewer] == [("delete", painted.code)]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "required_bytes=-1", "required_bytes=x", "bytes=1"])
def test_a_cleanup_query_that_makes_no_sense_is_refused_by_name(alice, penora_api, query: str) -> None:
    answer = penora_api.get(f"{BASE}/cleanup?user_id=alice&{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [query.split("=")[0]]


def test_a_refusal_suggests_to_compress_before_it_suggests_to_delete(alice, painted, penora, penora_api) -> None:
    save(alice, penora, 500_000)
    body = penora_api.get(f"{BASE}/cleanup?user_id=alice&required_bytes={LIMIT - used(alice) + 1}").json()
    assert body["missing_bytes"] == 1
    assert [(item["action"], item["reason"]) for item in body["results"]] == [
        ("compress", "compressible"),
        ("delete", "largest"),
    ]


def test_what_the_person_chose_holds_where_the_app_leaves_it_open(alice, imagegene_api, photo) -> None:
    services.set_preferences(user=alice, make_room_from_trash=False, fit=True, max_edge=256)
    body = body_of(app_source="imagegene", project_type="image", content=base64_of(noise(300, 20)))
    made = imagegene_api.post(f"{BASE}/save-project", body, format="json").json()
    assert (made["width"], made["fit_applied"]["resized"]["max_edge"]) == (256, 256)
    body |= {"max_edge": 300, "title": "As large as it comes"}
    assert imagegene_api.post(f"{BASE}/save-project", body, format="json").json()["width"] == 300
    services.set_limit(user=alice, limit_bytes=used(alice) + 5_000)
    body = body_of(app_source="imagegene", project_type="image", content=base64_of(photo))
    assert imagegene_api.post(f"{BASE}/save-project", {**body, "fit": False}, format="json").status_code == 507
    assert imagegene_api.post(f"{BASE}/save-project", body, format="json").json()["fit_applied"]["applied"]
