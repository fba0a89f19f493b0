"""Bytes sent twice are kept and counted once, inside one person's workspace and nowhere else."""

import hashlib

import pytest

from accounts.models import Event
from workspace import content, images, services
from workspace.image_gate import Gate
from workspace.models import Content, Project
from workspace.services.sharing import freed_by
from workspace.services.storage import room_for
from workspace.tests.cast import BASE, LIMIT, adds_up, base64_of, noise, picture, save, saved, used
from workspace.tests.test_commands import run

pytestmark = pytest.mark.django_db
WORDS = "The sea, the sea. "


def text(words: str = WORDS * 100):
    return content.prepare_text(words, "auto")


@pytest.fixture
def twins(alice, penora, imagegene):
    """Two projects of Alice's, of two apps, with the same bytes; the first counts them."""
    first = save(alice, penora, prepared=text()).project
    return first, save(alice, imagegene, prepared=text()).project


def sizes(*projects):
    return [Project.objects.get(pk=project.pk).file_size_bytes for project in projects]


def sound(user):
    return adds_up(user) and run("check_storage")[0] == 0


def test_the_same_text_costs_its_bytes_once_and_says_so(penora_api, alice):
    first = saved(penora_api, content=WORDS * 100)
    again = saved(penora_api, content=WORDS * 100, title="Another title", metadata={"a": 1})
    assert (first["duplicate_of"], first["deduplicated_bytes"]) == (None, 0)
    assert again["duplicate_of"] == first["project_code"]
    assert again["deduplicated_bytes"] == first["file_size_bytes"] > 0
    assert again["file_size_bytes"] == 0
    assert again["storage_stats"] == first["storage_stats"]
    assert penora_api.get(f"{BASE}/project/{again['project_code']}?user_id=alice").json()["content"] == WORDS * 100
    assert Content.objects.count() == 1
    assert sound(alice)


def test_the_same_picture_costs_its_bytes_once_however_it_is_sent(alice, imagegene):
    sent = noise(64, 64)
    forms = (sent, base64_of(sent), f"data:image/png;base64,{base64_of(sent)}")
    kept = [content.prepare(project_type="image", content=form) for form in forms]
    made = [save(alice, imagegene, prepared=each, project_type="image") for each in kept]
    assert [each.twin for each in made] == [None, made[0].project, made[0].project]
    assert Content.objects.count() == 1
    assert sound(alice)


def test_bytes_that_were_there_are_described_as_they_are_however_fast_they_came_again(alice, imagegene, monkeypatch):
    sent = noise(200, 160)
    first = save(alice, imagegene, project_type="image", prepared=content.prepare(project_type="image", content=sent))
    busy = Gate(cores=1)
    busy.present = 3
    monkeypatch.setattr(images, "gate", busy)
    hurried = content.prepare(project_type="image", content=sent)
    assert (first.project.encoder["speed"], hurried.encoder["speed"]) == (8, 9)
    assert hurried.hash != first.project.content_hash
    twin = save(alice, imagegene, project_type="image", prepared=hurried).project
    again = save(alice, imagegene, project_type="image", prepared=hurried, project_code=first.project.code).project
    stored = hashlib.sha256(content.raw_bytes(twin)).hexdigest()
    assert {(it.content_hash, it.encoder["speed"]) for it in (twin, again)} == {(stored, 8)}


def test_a_picture_asked_for_without_loss_is_not_the_one_with(alice, imagegene):
    for compression in ("auto", "lossless", "none"):
        prepared = content.prepare(project_type="image", content=picture(), compression=compression)
        save(alice, imagegene, prepared=prepared, project_type="image")
    assert Content.objects.count() == 2


def test_a_picture_lowered_to_fit_does_not_stand_in_for_the_whole_one(alice, imagegene):
    sent = noise(128, 128)
    whole = content.prepare(project_type="image", content=sent)
    lowered = content.prepare(project_type="image", content=sent, max_bytes=whole.counted_bytes - 1_000)
    assert lowered.counted_bytes < whole.counted_bytes
    assert lowered.identity != whole.identity


def test_text_that_is_to_be_counted_as_sent_is_counted_every_time(alice, penora):
    made = [save(alice, penora, prepared=content.prepare_text(WORDS, "none")) for _ in range(2)]
    assert [each.project.file_size_bytes for each in made] == [len(WORDS)] * 2
    assert made[1].twin is None
    assert used(alice) == 2 * len(WORDS)


def test_what_another_person_has_is_neither_shared_nor_told(alice, bob, penora):
    his = save(bob, penora, prepared=text())
    hers = save(alice, penora, prepared=text())
    assert hers.twin is None
    assert (hers.deduplicated_bytes, hers.project.file_size_bytes) == (0, his.project.file_size_bytes)
    assert Content.objects.count() == 2


def test_a_twin_fits_a_full_workspace(alice, penora):
    first = save(alice, penora, prepared=text()).project
    services.set_limit(user=alice, limit_bytes=used(alice))
    assert save(alice, penora, prepared=text()).twin == first
    with pytest.raises(services.WorkspaceFull):
        save(alice, penora, prepared=text(WORDS * 101))


def test_deleting_the_one_that_counts_keeps_the_other_and_hands_it_the_bytes(twins, alice, penora):
    first, second = twins
    size = first.file_size_bytes
    assert services.purge(user=alice, app=None, project_code=first.code) == 0
    assert sizes(second) == [size]
    assert content.text_of(second) == WORDS * 100
    assert Project.objects.get(pk=second.pk).version == second.version + 1
    assert sound(alice)
    assert services.purge(user=alice, app=None, project_code=second.code) == size
    assert (used(alice), Content.objects.count()) == (0, 0)


def test_deleting_the_one_that_counts_nothing_frees_nothing(twins, alice):
    first, second = twins
    assert services.purge(user=alice, app=None, project_code=second.code) == 0
    assert sizes(first) == [first.file_size_bytes]
    assert sound(alice)


def test_the_trash_counts_shared_bytes_only_when_nothing_else_does(twins, alice):
    first, second = twins
    size = first.file_size_bytes
    assert services.trash(user=alice, app=None, project_code=first.code).file_size_bytes == 0
    assert sizes(first, second) == [0, size]
    services.trash(user=alice, app=None, project_code=second.code)
    assert sum(sizes(first, second)) == size
    assert sound(alice)
    assert services.restore(user=alice, app=None, project_code=second.code).file_size_bytes == size
    assert services.empty_trash(user=alice) == (1, 0)
    assert sound(alice)


def test_emptying_the_trash_of_both_frees_the_bytes(twins, alice):
    for each in twins:
        services.trash(user=alice, app=None, project_code=each.code)
    assert services.empty_trash(user=alice) == (2, twins[0].file_size_bytes)
    assert used(alice) == 0


def test_saving_what_only_the_trash_has_brings_the_bytes_out_of_it(twins, alice, penora):
    first, second = twins
    for each in twins:
        services.trash(user=alice, app=None, project_code=each.code)
    third = save(alice, penora, prepared=text()).project
    assert sizes(first, second, third) == [0, 0, first.file_size_bytes]
    assert third.file_size_bytes == first.file_size_bytes
    assert sound(alice)


def test_changing_one_leaves_the_other_as_it_was(twins, alice):
    first, second = twins
    other = text("Something else. " * 90)
    changed = services.update_project(
        user=alice, app=None, project_code=first.code, prepared=other, changes={"title": "New"}
    ).project
    assert changed.file_size_bytes == other.counted_bytes
    assert sizes(second) == [first.file_size_bytes]
    assert content.text_of(second) == WORDS * 100
    assert sound(alice)


def test_a_change_to_bytes_that_are_there_frees_what_was(alice, penora):
    first = save(alice, penora, prepared=text()).project
    other = save(alice, penora, prepared=text("Something else. " * 90)).project
    services.update_project(user=alice, app=None, project_code=other.code, prepared=text(), changes={})
    assert used(alice) == first.file_size_bytes
    assert Content.objects.filter(lent=False).count() == 1
    assert sound(alice)


def test_saving_a_project_again_as_it_is_changes_no_bytes(alice, penora):
    first = save(alice, penora, prepared=text())
    again = save(alice, penora, prepared=text(), project_code=first.project.code)
    assert (again.twin, again.project.file_size_bytes) == (None, first.project.file_size_bytes)
    assert sound(alice)


def test_room_to_replace_counts_only_what_really_gets_free(twins, alice):
    first, second = twins
    assert room_for(user=alice, replacing=first) == LIMIT - first.file_size_bytes
    assert freed_by([first]) == 0
    assert freed_by(twins) == first.file_size_bytes
    services.purge(user=alice, app=None, project_code=second.code)
    assert room_for(user=alice, replacing=first) == LIMIT


def test_who_takes_over_the_bytes_is_told_to_those_who_listen(twins, alice):
    services.purge(user=alice, app=None, project_code=twins[0].code)
    told = Event.objects.filter(user=alice, type="project.saved").order_by("-pk").first()
    assert told.data["project_code"] == twins[1].code
    assert told.data["file_size_bytes"] == twins[0].file_size_bytes


def test_check_storage_sees_bytes_counted_by_the_wrong_one(twins):
    first, second = twins
    Project.objects.filter(pk=second.pk).update(file_size_bytes=first.file_size_bytes)
    assert "its projects count" in run("check_storage")[1]
    Project.objects.filter(pk=first.pk).update(file_size_bytes=0)
    assert "another project should count it" in run("check_storage")[1]


def test_check_storage_sees_bytes_that_no_project_shows(alice):
    Content.objects.create(user=alice, identity="x", size_bytes=1, data=b"x")
    assert "no project shows it" in run("check_storage")[1]
