"""What a project showed before: kept while there is room, gone back to, never in anybody's way."""

import pytest

from accounts.errors import AppMismatch
from workspace import content, services
from workspace.delivery import SANDBOX
from workspace.models import Content, Project, ProjectVersion, StorageEntry
from workspace.services.versions import bytes_of
from workspace.tests.cast import BASE, LIMIT, adds_up, base64_of, fill, noise, save, saved, text_of, used
from workspace.tests.test_commands import run

pytestmark = pytest.mark.django_db


def change(user, project, text, **terms):
    prepared = content.prepare_text(text, "auto")
    return services.update_project(
        user=user, app=None, project_code=project.code, prepared=prepared, changes={}, **terms
    ).project


def versions(project):
    """The project's earlier versions, oldest first: numbers and texts."""
    rows = ProjectVersion.objects.filter(project=project).order_by("number")
    return {row.number: content.raw_bytes(row).decode() for row in rows}


def sound(user):
    return adds_up(user) and run("check_storage")[0] == 0


@pytest.fixture
def page(alice, penora):
    """A text of Alice's that said three things."""
    project = save(alice, penora, prepared=content.prepare_text("First.", "auto")).project
    change(alice, project, "Second, and longer.")
    services.update_project(user=alice, app=None, project_code=project.code, changes={"title": "Renamed"})
    return change(alice, project, "Third.")


def test_new_content_keeps_what_was_there_as_a_version(page, alice):
    assert versions(page) == {1: "First.", 3: "Second, and longer."}
    assert page.version == 4
    assert sound(alice)


def test_versions_are_no_part_of_the_used_bytes_nor_of_the_statement(page, alice):
    assert used(alice) == len("Third.")
    assert bytes_of(alice) == len("First.") + len("Second, and longer.")
    assert list(StorageEntry.objects.owned_by(alice).order_by("number").values_list("delta_bytes", flat=True)) == [
        len("First."),
        len("Second, and longer.") - len("First."),
        len("Third.") - len("Second, and longer."),
    ]


def test_saving_the_same_again_keeps_no_version(page, alice, penora):
    change(alice, page, "Third.")
    save(alice, penora, prepared=content.prepare_text("Third.", "none"), project_code=page.code)
    assert list(versions(page)) == [1, 3]


def test_going_back_shows_it_again_and_keeps_what_was_shown(page, alice):
    back = services.restore_version(user=alice, app=None, project_code=page.code, number=3)
    assert content.text_of(back) == "Second, and longer."
    assert (back.title, back.version, back.file_size_bytes) == ("Renamed", 5, len("Second, and longer."))
    assert versions(page) == {1: "First.", 3: "Second, and longer.", 4: "Third."}
    found = Project.objects.owned_by(alice)
    assert [found.matching(word, alice).count() for word in ("longer", "third")] == [1, 0]
    assert sound(alice)


def test_going_back_to_what_is_shown_changes_nothing(page, alice):
    once = services.restore_version(user=alice, app=None, project_code=page.code, number=3)
    again = services.restore_version(user=alice, app=None, project_code=page.code, number=3)
    assert again.version == once.version


def test_there_and_back_again_costs_nothing(page, alice):
    services.restore_version(user=alice, app=None, project_code=page.code, number=1)
    services.restore_version(user=alice, app=None, project_code=page.code, number=4)
    assert content.text_of(Project.objects.get(pk=page.pk)) == "Third."
    assert used(alice) == len("Third.")
    assert Content.objects.filter(user=alice).count() == 3
    assert sound(alice)


@pytest.mark.parametrize("number", [0, 2, 4, 99])
def test_what_was_never_a_version_cannot_be_gone_back_to(page, alice, number):
    with pytest.raises(services.VersionNotFound):
        services.restore_version(user=alice, app=None, project_code=page.code, number=number)
    assert content.text_of(page) == "Third."


def test_only_its_own_app_goes_back_and_only_as_it_saw_the_project(page, alice, bob, imagegene):
    with pytest.raises(AppMismatch):
        services.restore_version(user=alice, app=imagegene, project_code=page.code, number=1)
    with pytest.raises(services.VersionMismatch):
        services.restore_version(user=alice, app=None, project_code=page.code, number=1, if_match='"old"')
    with pytest.raises(services.ProjectNotFound):
        services.restore_version(user=bob, app=None, project_code=page.code, number=1)
    services.trash(user=alice, app=None, project_code=page.code)
    with pytest.raises(services.ProjectNotFound):
        services.restore_version(user=alice, app=None, project_code=page.code, number=1)


def test_versions_make_way_oldest_first_and_no_more_than_needed(page, alice, penora):
    fill(alice, penora, leaving=used(alice) + len("Second, and longer.") + 3)
    assert versions(page) == {3: "Second, and longer."}
    save(alice, penora, 3)
    assert list(versions(page)) == [3]
    save(alice, penora, 1)
    assert versions(page) == {}
    assert sound(alice)


def test_a_full_workspace_takes_exactly_what_it_would_without_versions(page, alice, penora):
    made = save(alice, penora, 500_000).project
    fill_up = LIMIT - used(alice)
    change(alice, page, "x" * 400)
    save(alice, penora, 500_000)
    save(alice, penora, LIMIT - used(alice))
    assert (used(alice), bytes_of(alice)) == (LIMIT, 0)
    with pytest.raises(services.WorkspaceFull) as full:
        save(alice, penora, 1)
    assert full.value.facts["available_bytes"] == 0
    services.purge(user=alice, app=None, project_code=made.code)
    assert fill_up > 500_000


def test_a_version_that_does_not_fit_is_not_kept(alice, penora):
    fill(alice, penora, leaving=500)
    page = save(alice, penora, 400).project
    prepared = text_of(500)
    services.update_project(user=alice, app=None, project_code=page.code, prepared=prepared, changes={})
    assert (used(alice), versions(page)) == (LIMIT, {})
    prepared = text_of(250)
    services.update_project(user=alice, app=None, project_code=page.code, prepared=prepared, changes={})
    assert versions(page) == {}
    prepared = text_of(200)
    services.update_project(user=alice, app=None, project_code=page.code, prepared=prepared, changes={})
    assert list(versions(page)) == [3]
    assert sound(alice)


def test_held_bytes_and_a_lower_limit_make_versions_go(page, alice, penora):
    services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT - used(alice) - 20)
    assert list(versions(page)) == [3]
    services.set_limit(user=alice, limit_bytes=used(alice))
    assert versions(page) == {}
    assert sound(alice)


def test_a_version_that_alone_shows_its_bytes_has_no_room_in_a_workspace_that_is_over_full(page, alice, penora):
    twin = save(alice, penora, prepared=content.prepare_text("First.", "auto")).project
    services.set_limit(user=alice, limit_bytes=3)
    assert list(versions(page)) == [1]
    services.purge(user=alice, app=None, project_code=twin.code)
    assert versions(page) == {}
    assert sound(alice)


def test_going_back_always_fits_as_a_version_lies_in_free_room(alice, penora):
    page = save(alice, penora, 1_000).project
    services.update_project(user=alice, app=None, project_code=page.code, prepared=text_of(10), changes={})
    services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT - 10 - 1_000)
    services.restore_version(user=alice, app=None, project_code=page.code, number=1)
    assert used(alice) == 1_000
    assert list(versions(page)) == [1, 2]
    assert sound(alice)


def test_going_back_fits_where_the_version_itself_takes_the_last_room(alice, penora):
    fill(alice, penora, leaving=1_000)
    page = save(alice, penora, 600).project
    services.update_project(user=alice, app=None, project_code=page.code, prepared=text_of(400), changes={})
    assert bytes_of(alice) == 600
    back = services.restore_version(user=alice, app=None, project_code=page.code, number=1)
    assert (back.file_size_bytes, used(alice)) == (600, LIMIT - 400)
    assert list(versions(page)) == [1, 2]
    assert sound(alice)


def test_bytes_that_a_version_shares_with_a_project_take_no_room(page, alice, penora):
    twin = save(alice, penora, prepared=content.prepare_text("First.", "auto"))
    assert (twin.project.file_size_bytes, twin.twin) == (len("First."), None)
    assert bytes_of(alice) == len("Second, and longer.")
    services.purge(user=alice, app=None, project_code=twin.project.code)
    assert bytes_of(alice) == len("First.") + len("Second, and longer.")
    assert sound(alice)


def test_deleting_a_project_for_good_deletes_its_versions(page, alice):
    assert services.purge(user=alice, app=None, project_code=page.code) == len("Third.")
    assert not ProjectVersion.objects.exists()
    assert not Content.objects.exists()
    assert sound(alice)


def test_a_person_has_at_most_a_thousand_versions(page, alice, monkeypatch):
    monkeypatch.setattr("workspace.services.versions.MOST_VERSIONS", 2)
    for text in ("", "4", "5"):
        change(alice, page, text)
    assert list(versions(page).values()) == ["", "4"]
    assert sound(alice)


def test_a_picture_goes_back_as_well(alice, imagegene):
    first, second = (content.prepare(project_type="image", content=noise(side, side)) for side in (40, 48))
    art = save(alice, imagegene, prepared=first, project_type="image").project
    services.update_project(user=alice, app=None, project_code=art.code, prepared=second, changes={})
    back = services.restore_version(user=alice, app=None, project_code=art.code, number=1)
    assert (back.width, back.content_hash, content.raw_bytes(back)) == (40, first.hash, first.data)
    assert sound(alice)


def test_a_text_that_became_a_picture_goes_back_to_being_a_text(alice, penora):
    was = save(alice, penora, prepared=content.prepare_text("Words.", "auto")).project
    drawn = content.prepare(project_type="image", content=noise(40, 40))
    save(alice, penora, prepared=drawn, project_type="image", project_code=was.code)
    back = services.restore_version(user=alice, app=None, project_code=was.code, number=1)
    assert (back.project_type, content.text_of(back), back.width) == ("text", "Words.", None)
    assert Project.objects.owned_by(alice).matching("words", alice).count() == 1
    assert sound(alice)


def test_an_app_lists_reads_and_goes_back_over_http(penora_api, alice, bob):
    made = saved(penora_api, content="One.")
    path = f"{BASE}/project/{made['project_code']}"
    penora_api.patch(path, {"user_id": "alice", "content": "Two."}, format="json")
    listed = penora_api.get(f"{path}/versions?user_id=alice").json()
    assert [(row["version"], row["size_bytes"], row["original_size_bytes"]) for row in listed["results"]] == [(1, 4, 4)]
    assert (listed["next"], listed["previous"]) == (None, None)
    read = penora_api.get(f"{path}/versions/1?user_id=alice").json()
    assert (read["content"], read["saved_at"]) == ("One.", made["updated_at"])
    back = penora_api.post(f"{path}/versions/1/restore", {"user_id": "alice"}, format="json")
    assert (back.status_code, back.json()["version"]) == (200, 3)
    assert penora_api.get(f"{path}?user_id=alice").json()["content"] == "One."
    refused = penora_api.post(f"{path}/versions/9/restore", {"user_id": "alice"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (404, "version_not_found")
    missed = penora_api.post(f"{path}/versions/1/restore", {"user_id": "alice"}, format="json", HTTP_IF_MATCH='"no"')
    assert missed.status_code == 412
    for other in ("versions", "versions/1"):
        assert penora_api.get(f"{path}/{other}?user_id=bob").json()["code"] == "project_not_found"


def test_versions_come_in_pages_newest_first(penora_api, alice):
    made = saved(penora_api, content="0")
    path = f"{BASE}/project/{made['project_code']}"
    for number in range(1, 6):
        penora_api.patch(path, {"user_id": "alice", "content": str(number)}, format="json")
    first = penora_api.get(f"{path}/versions?user_id=alice&limit=3").json()
    second = penora_api.get(first["next"]).json()
    assert [row["version"] for row in first["results"] + second["results"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None


def compress(user, code):
    attempts = services.encode_smaller(user=user, app=None, project_codes=[code])
    [outcome] = services.compress_many(user=user, app=None, project_codes=[code], attempts=attempts)
    return outcome.freed_bytes


def test_compressing_more_can_be_undone_and_done_again(alice, imagegene):
    prepared = content.prepare(project_type="image", content=noise(200, 200))
    art = save(alice, imagegene, prepared=prepared, project_type="image").project
    freed = compress(alice, art.code)
    assert freed > 0
    assert bytes_of(alice) == prepared.counted_bytes
    back = services.restore_version(user=alice, app=None, project_code=art.code, number=1)
    assert content.raw_bytes(back) == prepared.data
    assert "compressed" not in back.encoder
    assert compress(alice, art.code) == freed
    assert sound(alice)


def test_a_compress_without_room_for_what_was_there_says_so_by_having_no_way_back(alice, imagegene, penora):
    prepared = content.prepare(project_type="image", content=noise(200, 200))
    art = save(alice, imagegene, prepared=prepared, project_type="image").project
    fill(alice, penora, leaving=used(alice))
    attempts = services.encode_smaller(user=alice, app=None, project_codes=[art.code])
    [outcome] = services.compress_many(user=alice, app=None, project_codes=[art.code], attempts=attempts)
    assert (outcome.refusal, outcome.undo) == (None, None)
    assert not ProjectVersion.objects.exists()
    assert sound(alice)


def test_a_compress_is_undone_by_the_request_in_its_answer(alice, imagegene_api):
    made = saved(imagegene_api, app_source="imagegene", project_type="image", content=base64_of(noise(200, 200)))
    named = {"user_id": "alice", "project_codes": [made["project_code"]]}
    [done] = imagegene_api.post(f"{BASE}/projects/compress", named, format="json").json()["results"]
    undone = imagegene_api.post(done["undo"]["request"].split()[1], done["undo"]["body"], format="json")
    assert (undone.status_code, undone.json()["file_size_bytes"]) == (200, made["file_size_bytes"])


def test_the_page_lists_shows_and_goes_back_and_that_is_undone_too(page, alice, bob, client):
    client.force_login(alice)
    said = client.get(f"/projects/{page.code}/").content.decode()
    assert "Earlier versions" in said
    assert f'href="/projects/{page.code}/versions/3"' in said
    shown = client.get(f"/projects/{page.code}/versions/3")
    assert (shown.content, shown["Content-Security-Policy"]) == (b"Second, and longer.", SANDBOX)
    answer = client.post(f"/projects/{page.code}/versions/3/restore", follow=True)
    assert content.text_of(Project.objects.get()) == "Second, and longer."
    assert f'name="version" value="{page.code}-4"' in answer.content.decode()
    answer = client.post("/projects/revert", {"version": f"{page.code}-4", "next": "/"}, follow=True)
    assert content.text_of(Project.objects.get()) == "Third."
    assert "1 project is as it was." in answer.content.decode()
    gone = client.post(f"/projects/{page.code}/versions/99/restore", follow=True)
    assert "This version is gone" in gone.content.decode()
    client.force_login(bob)
    assert client.get(f"/projects/{page.code}/versions/3").status_code == 404
    assert client.post(f"/projects/{page.code}/versions/3/restore").status_code == 404
    client.post("/projects/revert", {"version": f"{page.code}-1"})
    assert content.text_of(Project.objects.get()) == "Third."


@pytest.mark.parametrize("version", ["", "x", "ABC234", "ABC234-", "-1", "ABC234-²", f"ABC234-{10**30}", "A,B", "A-1,"])
def test_an_undo_of_nonsense_changes_nothing(page, alice, client, version):
    client.force_login(alice)
    assert client.post("/projects/revert", {"version": version}).status_code in (302, 404)
    assert content.text_of(Project.objects.get()) == "Third."


def test_compressing_on_the_page_offers_its_undo(alice, imagegene, client):
    prepared = content.prepare(project_type="image", content=noise(200, 200))
    art = save(alice, imagegene, prepared=prepared, project_type="image").project
    client.force_login(alice)
    before = client.post("/projects/compress", {"code": art.code}).content.decode()
    assert "so this can be undone" in before
    said = client.post("/projects/compress", {"code": art.code, "agreed": "1"}, follow=True).content.decode()
    assert f'name="version" value="{art.code}-1"' in said
    client.post("/projects/revert", {"version": f"{art.code}-1"})
    assert used(alice) == prepared.counted_bytes


def test_what_versions_take_is_said_beside_what_is_used(page, alice, penora_api):
    stats = penora_api.get(f"{BASE}/storage-stats?user_id=alice").json()
    assert stats["versions_bytes"] == len("First.") + len("Second, and longer.")
    assert stats["storage_stats"]["used_bytes"] == len("Third.")


@pytest.mark.parametrize("fault", ["lent", "room", "bytes", "owner"])
def test_check_storage_names_what_is_wrong_with_versions(page, alice, bob, fault):
    version = ProjectVersion.objects.order_by("number").first()
    match fault:
        case "lent":
            Content.objects.filter(pk=version.content_id).update(lent=False)
        case "room":
            Content.objects.filter(pk=version.content_id).update(size_bytes=LIMIT)
        case "bytes":
            Content.objects.filter(pk=version.content_id).update(data=b"other")
        case "owner":
            ProjectVersion.objects.filter(pk=version.pk).update(user=bob)
    status, said = run("check_storage")
    assert (status, "version" in said) == (1, True)
