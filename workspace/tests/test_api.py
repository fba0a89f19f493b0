"""Saving, reading, changing and deleting projects over HTTP, by the contract's section 3."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import ClientApp, User
from accounts.tests.cast import client_of
from credits import services as credits
from credits.models import Entry
from workspace import content
from workspace.models import Project
from workspace.tests.cast import BASE, LIMIT, base64_of, body_of, fill, noise, picture, saved, used

pytestmark = pytest.mark.django_db
PROJECT = {
    "project_code",
    "user_id",
    "app_source",
    "project_type",
    "title",
    "metadata",
    "tags",
    "favourite",
    "file_size_bytes",
    "original_size_bytes",
    "content_type",
    "width",
    "height",
    "created_at",
    "updated_at",
    "trashed_at",
    "version",
}
STATS = {
    "used_mb",
    "limit_mb",
    "available_mb",
    "usage_percentage",
    "used_bytes",
    "limit_bytes",
    "available_bytes",
    "over_bytes",
}


def test_saving_a_text_answers_with_the_project(alice: User, penora_api: APIClient) -> None:
    body = body_of(metadata={"chapter": 1}, tags=["draft", "sea"], favourite=True, compression="none")
    answer = penora_api.post(f"{BASE}/save-project", body, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == PROJECT | {"duplicate_of", "deduplicated_bytes", "storage_stats", "credits"}
    assert set(made["storage_stats"]) == STATS
    expected = {
        "user_id": "alice",
        "app_source": "penora",
        "project_type": "text",
        "title": "A page",
        "metadata": {"chapter": 1},
        "tags": ["draft", "sea"],
        "favourite": True,
        "file_size_bytes": 16,
        "original_size_bytes": 16,
        "content_type": "text/plain; charset=utf-8",
        "width": None,
        "height": None,
        "trashed_at": None,
        "version": 1,
        "credits": 60,
    }
    assert {name: made[name] for name in expected} == expected
    assert made["created_at"].endswith("Z")
    assert used(alice) == 16


def test_a_path_with_a_trailing_slash_saves_too(alice: User, penora_api: APIClient) -> None:
    assert penora_api.post(f"{BASE}/save-project/", body_of(), format="json").status_code == 201


@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "data:;base64,"])
def test_saving_a_picture_takes_base64_and_data_urls(alice: User, imagegene_api: APIClient, head: str) -> None:
    sent = head + base64_of(picture(120, 80))
    made = saved(imagegene_api, app_source="imagegene", project_type="ai_art", content=sent)
    assert (made["width"], made["height"]) == (120, 80)
    assert made["content_type"] in {"image/avif", "image/webp"}
    assert made["original_size_bytes"] == len(picture(120, 80))
    assert made["file_size_bytes"] == used(alice)


def test_saving_a_picture_as_a_file(alice: User, imagegene_api: APIClient) -> None:
    fields = body_of(app_source="imagegene", project_type="image", content=None, tags='["sky"]', favourite="true")
    upload = SimpleUploadedFile("sky.png", picture(90, 60), "image/png")
    answer = imagegene_api.post(f"{BASE}/save-project", {**fields, "file": upload}, format="multipart")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["width"], made["height"], made["tags"], made["favourite"]) == (90, 60, ["sky"], True)


def test_saving_a_text_as_a_file_with_a_charge(alice: User, penora_api: APIClient) -> None:
    fields = body_of(content=None, charge='{"operation": "page_generation", "quantity": 2}', metadata='{"a": 1}')
    upload = SimpleUploadedFile("page.txt", "Grüße".encode(), "text/plain")
    answer = penora_api.post(f"{BASE}/save-project", {**fields, "file": upload}, format="multipart")
    assert answer.status_code == 201, answer.content
    assert (answer.json()["charged"], answer.json()["credits"]) == (2, 58)
    detail = penora_api.get(f"{BASE}/project/{answer.json()['project_code']}?user_id=alice").json()
    assert (detail["content"], detail["metadata"]) == ("Grüße", {"a": 1})


def test_saving_under_a_code_answers_200_and_the_new_version(alice: User, penora_api: APIClient) -> None:
    code = saved(penora_api)["project_code"]
    body = body_of(project_code=code, content="Second draft", title="Second")
    answer = penora_api.post(f"{BASE}/save-project", body, format="json")
    assert answer.status_code == 200
    assert (answer.json()["project_code"], answer.json()["version"], answer.json()["title"]) == (code, 2, "Second")
    assert Project.objects.count() == 1


def test_saving_with_a_charge_says_what_was_paid(alice: User, penora_api: APIClient) -> None:
    made = saved(penora_api, charge={"amount": 4, "description": "Four pages"})
    entry = Entry.objects.get(transaction_type="used")
    assert (made["transaction_id"], made["charged"], made["credits"]) == (entry.id, 4, 56)
    assert entry.project_code == made["project_code"]


def test_saving_with_a_hold_captures_it(alice: User, penora_api: APIClient) -> None:
    terms = {"user_id": "alice", "app_name": "penora", "amount": 5, "storage_bytes": 1_000}
    held = penora_api.post(f"{BASE}/holds", terms, format="json")
    assert held.status_code == 201
    assert (held.json()["storage_bytes"], held.json()["status"]) == (1_000, "active")
    made = saved(penora_api, hold_id=held.json()["hold_id"])
    assert (made["charged"], made["credits"]) == (5, 55)


def test_short_credits_answer_402_and_store_nothing(alice: User, penora_api: APIClient, stored) -> None:
    credits.wallet_of(user=alice)
    before = stored()
    answer = penora_api.post(f"{BASE}/save-project", body_of(charge={"amount": 61}), format="json")
    assert answer.status_code == 402
    problem = answer.json()
    assert problem["code"] == "insufficient_credits"
    assert (problem["required"], problem["credits"], problem["shortfall"]) == (61, 60, 1)
    assert problem["top_up_url"] == "http://127.0.0.1:8000/credits/"
    assert stored() == before


def test_a_full_workspace_answers_507_and_charges_nothing(
    alice: User, penora: ClientApp, penora_api: APIClient, stored
) -> None:
    fill(alice, penora, leaving=15)
    before = stored()
    body = body_of(charge={"amount": 1}, compression="none")
    answer = penora_api.post(f"{BASE}/save-project", body, format="json")
    assert answer.status_code == 507
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["required_bytes"], problem["available_bytes"]) == ("workspace_full", 16, 15)
    assert sum(suggestion["frees_bytes"] for suggestion in problem["suggestions"]) >= 1
    assert stored() == before


def test_fit_makes_a_picture_small_enough(alice: User, imagegene: ClientApp, imagegene_api: APIClient) -> None:
    body = body_of(app_source="imagegene", project_type="image", content=base64_of(noise(200, 150)))
    size = content.prepare(project_type="image", content=body["content"]).counted_bytes
    fill(alice, imagegene, leaving=size * 3 // 4)
    assert imagegene_api.post(f"{BASE}/save-project", body, format="json").status_code == 507
    answer = imagegene_api.post(f"{BASE}/save-project", {**body, "fit": True}, format="json")
    assert answer.status_code == 201
    assert answer.json()["file_size_bytes"] <= size * 3 // 4
    assert (answer.json()["fit_applied"]["applied"], answer.json()["fit_applied"]["fits"]) == (True, True)
    assert used(alice) <= LIMIT


def test_fit_says_so_when_nothing_had_to_be_done(alice: User, imagegene_api: APIClient) -> None:
    body = {"app_source": "imagegene", "project_type": "image", "content": base64_of(picture()), "fit": True}
    made = saved(imagegene_api, **body)
    assert made["fit_applied"]["applied"] is False
    assert "fit_applied" not in saved(imagegene_api, **{**body, "fit": False})


def test_a_key_without_the_charging_scope_cannot_charge_by_saving(alice: User, penora: ClientApp, stored) -> None:
    _, key = accounts.create_api_key(app=penora, scopes=["workspace:write"])
    writer = client_of(key)
    assert saved(writer)["credits"] == 60
    before = stored()
    for payment in ({"charge": {"amount": 1}}, {"hold_id": "hold_any"}):
        answer = writer.post(f"{BASE}/save-project", body_of(**payment), format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert stored() == before


def test_a_repeated_save_with_one_key_stores_once(alice: User, penora_api: APIClient) -> None:
    body = body_of(charge={"amount": 2})
    first = penora_api.post(f"{BASE}/save-project", body, format="json", HTTP_IDEMPOTENCY_KEY="save-1")
    again = penora_api.post(f"{BASE}/save-project", body, format="json", HTTP_IDEMPOTENCY_KEY="save-1")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert Project.objects.count() == 1
    assert credits.wallet_of(user=alice).balance == 58


def test_a_repeated_upload_with_one_key_stores_once(alice: User, penora_api: APIClient) -> None:
    answers = []
    for text in (b"one", b"one", b"two"):
        body = {**body_of(content=None), "file": SimpleUploadedFile("page.txt", text, "text/plain")}
        url = f"{BASE}/save-project"
        answers.append(penora_api.post(url, body, format="multipart", HTTP_IDEMPOTENCY_KEY="upload-1"))
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert answers[1].content == answers[0].content
    assert Project.objects.count() == 1


def test_a_project_is_read_with_its_text(alice: User, penora_api: APIClient) -> None:
    made = saved(penora_api, content="Once\r\nupon\ta time 🌊")
    answer = penora_api.get(f"{BASE}/project/{made['project_code']}?user_id=alice")
    assert answer.status_code == 200
    detail = answer.json()
    assert set(detail) == PROJECT | {"content", "content_url", "thumbnail_url"}
    assert detail["content"] == "Once\r\nupon\ta time 🌊"
    assert detail["thumbnail_url"] is None
    assert {name: detail[name] for name in PROJECT} == {name: made[name] for name in PROJECT}


def test_a_project_is_read_with_its_picture_as_a_data_url(alice: User, imagegene_api: APIClient) -> None:
    sent = {"app_source": "imagegene", "project_type": "image", "content": base64_of(picture())}
    made = saved(imagegene_api, **sent)
    detail = imagegene_api.get(f"{BASE}/project/{made['project_code']}?user_id=alice").json()
    assert detail["content"].startswith(f"data:{made['content_type']};base64,")
    for name in ("content_url", "thumbnail_url"):
        assert imagegene_api.get(detail[name].removeprefix("http://127.0.0.1:8000")).status_code == 200
    again = saved(imagegene_api, **{**sent, "content": detail["content"]})
    assert (again["width"], again["height"]) == (made["width"], made["height"])


def test_reading_again_with_the_etag_answers_304_until_something_changes(alice: User, penora_api: APIClient) -> None:
    url = f"{BASE}/project/{saved(penora_api)['project_code']}?user_id=alice"
    etag = penora_api.get(url)["ETag"]
    assert penora_api.get(url, HTTP_IF_NONE_MATCH=etag).status_code == 304
    changed = penora_api.patch(url.partition("?")[0], {"user_id": "alice", "title": "New"}, format="json")
    assert changed.status_code == 200
    fresh = penora_api.get(url, HTTP_IF_NONE_MATCH=etag)
    assert (fresh.status_code, fresh.json()["title"]) == (200, "New")
    assert penora_api.delete(url).status_code == 200
    assert penora_api.get(url, HTTP_IF_NONE_MATCH=fresh["ETag"]).json()["trashed_at"] is not None


def test_patch_changes_what_it_names_and_nothing_else(alice: User, penora_api: APIClient) -> None:
    made = saved(penora_api, metadata={"a": 1}, tags=["old"], content="Text")
    url = f"{BASE}/project/{made['project_code']}"
    answer = penora_api.patch(url, {"user_id": "alice", "tags": ["new"], "favourite": True}, format="json")
    assert answer.status_code == 200
    changed = answer.json()
    assert set(changed) == PROJECT
    assert {name for name in PROJECT if changed[name] != made[name]} == {"tags", "favourite", "version", "updated_at"}
    longer = {"user_id": "alice", "content": "A longer text", "title": "T", "metadata": {}}
    changed = penora_api.patch(url, longer, format="json").json()
    assert (changed["file_size_bytes"], changed["metadata"], changed["title"], changed["version"]) == (13, {}, "T", 3)
    assert penora_api.get(f"{url}?user_id=alice").json()["content"] == "A longer text"
    assert used(alice) == 13


def test_patch_with_an_old_if_match_is_412_and_changes_nothing(alice: User, penora_api: APIClient, stored) -> None:
    made = saved(penora_api)
    url = f"{BASE}/project/{made['project_code']}"
    etag = penora_api.get(f"{url}?user_id=alice")["ETag"]
    change = {"user_id": "alice", "title": "New"}
    answer = penora_api.patch(url, change, format="json", HTTP_IF_MATCH=etag)
    assert (answer.status_code, answer["ETag"] != etag) == (200, True)
    before = stored()
    for refused in (
        penora_api.patch(url, {**change, "title": "Old"}, format="json", HTTP_IF_MATCH=etag),
        penora_api.delete(f"{url}?user_id=alice", HTTP_IF_MATCH=etag),
        penora_api.delete(f"{url}?user_id=alice&permanent=true", HTTP_IF_MATCH=etag),
        penora_api.post(
            f"{BASE}/save-project", body_of(project_code=made["project_code"]), format="json", HTTP_IF_MATCH=etag
        ),
    ):
        assert (refused.status_code, refused.json()["code"]) == (412, "version_mismatch")
        assert refused.json()["version"] == 2
    assert stored() == before
    assert penora_api.patch(url, change, format="json", HTTP_IF_MATCH=answer["ETag"]).status_code == 200


def test_whoever_could_take_it_out_is_told_that_it_is_in_the_trash(
    alice: User, bob: User, penora_api: APIClient, imagegene_api: APIClient, client: Client
) -> None:
    made, change = saved(penora_api), {"user_id": "alice", "title": "New"}
    url = f"{BASE}/project/{made['project_code']}"
    trashed_at = penora_api.delete(f"{url}?user_id=alice").json()["trashed_at"]
    missing = penora_api.patch(f"{BASE}/project/ZZZZZZ", change, format="json").json()
    again = penora_api.post(f"{BASE}/save-project", body_of(project_code=made["project_code"]), format="json")
    client.force_login(alice)
    for told in (
        penora_api.patch(url, change, format="json"),
        client.patch(url, {"title": "New"}, content_type="application/json"),
        again,
    ):
        assert (told.status_code, told.json()["code"]) == (404, "project_not_found")
        assert told.json()["trashed_at"] == trashed_at
        assert "trash" in told.json()["detail"]
    for stranger in (
        imagegene_api.patch(url, change, format="json"),
        penora_api.patch(url, {**change, "user_id": "bob"}, format="json"),
    ):
        assert stranger.status_code == 404
        assert {**stranger.json(), "instance": ""} == {**missing, "instance": ""}


def test_a_save_answers_with_the_etag_of_what_it_saved(alice: User, penora_api: APIClient) -> None:
    sent = {**body_of(), "user_id": "alice"}
    first, again = (
        penora_api.post(f"{BASE}/save-project", sent, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    )
    url = f"{BASE}/project/{first.json()['project_code']}"
    assert first["ETag"] == again["ETag"] == penora_api.get(f"{url}?user_id=alice")["ETag"]
    change = {"user_id": "alice", "title": "New"}
    assert penora_api.patch(url, change, format="json", HTTP_IF_MATCH=first["ETag"]).status_code == 200
    sent["project_code"] = first.json()["project_code"]
    updated = penora_api.post(f"{BASE}/save-project", sent, format="json")
    assert (updated.status_code, updated["ETag"]) == (200, penora_api.get(f"{url}?user_id=alice")["ETag"])
    refused = penora_api.post(f"{BASE}/save-project", {**sent, "user_id": "nobody"}, format="json")
    assert "ETag" not in refused


def test_delete_moves_to_the_trash_and_keeps_the_bytes(alice: User, penora_api: APIClient) -> None:
    made = saved(penora_api)
    url = f"{BASE}/project/{made['project_code']}?user_id=alice"
    answer = penora_api.delete(url)
    assert (answer.status_code, answer.json()["permanent"]) == (200, False)
    assert answer.json()["trashed_at"] is not None
    assert answer.json()["storage_stats"]["used_bytes"] == used(alice) == 16
    assert penora_api.get(f"{BASE}/projects?user_id=alice").json()["all_projects"] == []
    assert penora_api.delete(url).status_code == 200


def test_permanent_delete_frees_the_bytes(alice: User, penora_api: APIClient) -> None:
    url = f"{BASE}/project/{saved(penora_api)['project_code']}?user_id=alice"
    answer = penora_api.delete(f"{url}&permanent=true")
    assert (answer.status_code, answer.json()["permanent"], answer.json()["freed_bytes"]) == (200, True, 16)
    assert used(alice) == 0
    assert penora_api.get(url).status_code == 404
    assert penora_api.delete(f"{url}&permanent=true").status_code == 404


def test_every_app_reads_all_and_changes_its_own(
    alice: User, penora_api: APIClient, imagegene_api: APIClient, stored
) -> None:
    code = saved(penora_api)["project_code"]
    url = f"{BASE}/project/{code}"
    for path in (url, f"{url}/content"):
        assert imagegene_api.get(f"{path}?user_id=alice").status_code == 200
    before = stored()
    for refused in (
        imagegene_api.patch(url, {"user_id": "alice", "title": "Mine"}, format="json"),
        imagegene_api.delete(f"{url}?user_id=alice"),
        imagegene_api.delete(f"{url}?user_id=alice&permanent=true"),
        imagegene_api.post(f"{BASE}/save-project", body_of(app_source="imagegene", project_code=code), format="json"),
        imagegene_api.post(f"{BASE}/save-project", body_of(), format="json"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "app_mismatch")
    assert stored() == before
