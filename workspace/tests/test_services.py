"""A project's life through the services: what is stored, what it counts, who may touch it, and what is written down."""

import brotli
import pytest
from django.db import IntegrityError, transaction

from accounts.errors import AppMismatch
from accounts.models import ClientApp, Event, User
from workspace import content, services
from workspace.models import CODE_ALPHABET, Content, IssuedCode, Project
from workspace.services import ProjectNotFound, VersionMismatch
from workspace.tests.cast import adds_up, events_of, noise, picture, save, text_of, used

pytestmark = pytest.mark.django_db
PROSE = "The lighthouse keeper wrote the same sentence every evening. " * 200


def test_text_without_compression_is_kept_and_counted_as_sent(alice: User, penora: ClientApp) -> None:
    text = "Zeile eins\r\n\tÄpfel für 5 €\n" * 40
    made = save(alice, penora, prepared=content.prepare_text(text, "none")).project
    assert bytes(Content.objects.get(projects=made).data) == text.encode()
    assert made.file_size_bytes == made.original_size_bytes == used(alice) == len(text.encode())


@pytest.mark.parametrize("compression", ["auto", "lossless"])
def test_long_text_is_compressed_and_comes_back_whole(alice: User, penora: ClientApp, compression) -> None:
    prepared = content.prepare(project_type="text", content=PROSE, compression=compression)
    made = save(alice, penora, prepared=prepared).project
    stored = bytes(Content.objects.get(projects=made).data)
    assert len(stored) < len(PROSE)
    assert brotli.decompress(stored).decode() == PROSE == content.as_json(made)
    assert made.original_size_bytes == len(PROSE.encode())
    assert used(alice) == made.file_size_bytes


def test_text_counts_at_least_an_eighth_of_its_size(alice: User, penora: ClientApp) -> None:
    text = "a" * 80_001
    made = save(alice, penora, prepared=content.prepare_text(text, "auto")).project
    assert len(bytes(Content.objects.get(projects=made).data)) < 1_000
    assert made.file_size_bytes == used(alice) == 10_001


def test_text_that_packs_badly_counts_what_is_stored(alice: User, penora: ClientApp) -> None:
    text = noise(60, 40).hex()
    made = save(alice, penora, prepared=content.prepare_text(text, "auto")).project
    stored = len(bytes(Content.objects.get(projects=made).data))
    assert len(text) // 8 < stored < len(text)
    assert made.file_size_bytes == used(alice) == stored


def test_short_text_is_stored_as_it_is(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora, prepared=content.prepare_text("a" * 511, "auto")).project
    assert made.encoding == ""
    assert used(alice) == 511


def test_a_picture_counts_its_stored_bytes_without_the_thumbnail(alice: User, imagegene: ClientApp) -> None:
    prepared = content.prepare(project_type="image", content=picture(400, 300))
    made = save(alice, imagegene, prepared=prepared, project_type="image").project
    stored = Content.objects.get(projects=made)
    assert made.file_size_bytes == used(alice) == len(bytes(stored.data))
    assert len(bytes(stored.thumbnail or b"")) > 0
    assert (made.width, made.height) == (400, 300)
    assert made.original_size_bytes == len(picture(400, 300))


def test_updating_content_counts_the_difference(alice: User, penora: ClientApp) -> None:
    code = save(alice, penora, 5_000).project.code
    save(alice, penora, 300)
    services.update_project(user=alice, app=penora, project_code=code, prepared=text_of(7_000), changes={})
    assert used(alice) == 7_300
    services.update_project(user=alice, app=penora, project_code=code, prepared=text_of(10), changes={})
    assert used(alice) == 310
    assert adds_up(alice)


def test_saving_under_a_code_replaces_that_project(alice: User, penora: ClientApp) -> None:
    first = save(alice, penora, 5_000, tags=["kept"], metadata={"style": "kept"}, favourite=True).project
    again = save(alice, penora, 2_000, project_code=first.code, title="Second draft")
    assert not again.created
    assert again.project.code == first.code
    assert (again.project.tags, again.project.metadata, again.project.favourite) == (["kept"], {"style": "kept"}, True)
    assert Project.objects.get().version == 2
    assert used(alice) == 2_000


def test_each_update_makes_one_new_version(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora).project
    changed = services.update_project(user=alice, app=None, project_code=made.code, changes={"title": "New"}).project
    assert (made.version, changed.version) == (1, 2)
    assert changed.updated_at > made.updated_at
    assert changed.created_at == made.created_at


def test_an_outdated_if_match_changes_nothing(alice: User, penora: ClientApp, stored) -> None:
    made = save(alice, penora).project
    old = made.etag
    services.update_project(user=alice, app=penora, project_code=made.code, if_match=old, changes={"title": "New"})
    before = stored()
    with pytest.raises(VersionMismatch) as refusal:
        services.update_project(user=alice, app=penora, project_code=made.code, if_match=old, changes={"title": "Old"})
    with pytest.raises(VersionMismatch):
        save(alice, penora, 20, project_code=made.code, if_match=old)
    with pytest.raises(VersionMismatch):
        services.trash(user=alice, app=penora, project_code=made.code, if_match=old)
    assert refusal.value.facts["version"] == 2
    assert stored() == before


@pytest.mark.parametrize("if_match", ["*", '"stale", {etag}', "{etag}"])
def test_an_if_match_that_holds_lets_the_change_through(alice: User, penora: ClientApp, if_match) -> None:
    made = save(alice, penora).project
    sent = if_match.replace("{etag}", made.etag)
    changed = services.update_project(
        user=alice, app=None, project_code=made.code, if_match=sent, changes={"title": "New"}
    ).project
    assert changed.title == "New"


def test_the_trash_counts_until_it_is_purged(alice: User, penora: ClientApp) -> None:
    code = save(alice, penora, 900).project.code
    save(alice, penora, 100)
    services.trash(user=alice, app=penora, project_code=code)
    assert used(alice) == 1_000
    assert Project.objects.owned_by(alice).trashed().get().code == code
    assert services.purge(user=alice, app=penora, project_code=code) == 900
    assert used(alice) == 100
    assert adds_up(alice)


def test_restoring_takes_a_project_out_of_the_trash(alice: User, penora: ClientApp) -> None:
    code = save(alice, penora, 900).project.code
    services.trash(user=alice, app=penora, project_code=code)
    restored = services.restore(user=alice, app=None, project_code=code)
    assert restored.trashed_at is None
    assert Project.objects.owned_by(alice).live().get().code == code
    assert used(alice) == 900


def test_trashing_and_restoring_make_another_etag(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora).project
    trashed = services.trash(user=alice, app=None, project_code=made.code).etag
    restored = services.restore(user=alice, app=None, project_code=made.code).etag
    assert len({made.etag, trashed, restored}) == 3


def test_repeating_a_trash_or_a_restore_writes_nothing(alice: User, penora: ClientApp, stored) -> None:
    code = save(alice, penora).project.code
    services.trash(user=alice, app=penora, project_code=code)
    before = stored()
    services.trash(user=alice, app=penora, project_code=code)
    assert stored() == before
    services.restore(user=alice, app=penora, project_code=code)
    before = stored()
    services.restore(user=alice, app=penora, project_code=code)
    assert stored() == before


def test_what_is_in_the_trash_cannot_be_changed(alice: User, penora: ClientApp, stored) -> None:
    code = save(alice, penora).project.code
    services.trash(user=alice, app=penora, project_code=code)
    before = stored()
    with pytest.raises(ProjectNotFound):
        services.update_project(user=alice, app=None, project_code=code, changes={"title": "New"})
    with pytest.raises(ProjectNotFound):
        save(alice, penora, project_code=code)
    assert stored() == before


def test_emptying_the_trash_frees_it_and_leaves_the_rest(alice: User, bob: User, penora: ClientApp) -> None:
    codes = [save(alice, penora, size).project.code for size in (100, 200, 400)]
    theirs = save(bob, penora, 50).project.code
    services.trash(user=bob, app=None, project_code=theirs)
    for code in codes[:2]:
        services.trash(user=alice, app=None, project_code=code)
    assert services.empty_trash(user=alice) == (2, 300)
    assert services.empty_trash(user=alice) == (0, 0)
    assert [project.code for project in Project.objects.owned_by(alice)] == [codes[2]]
    assert (used(alice), used(bob)) == (400, 50)


def test_the_trash_is_purged_after_thirty_days(alice: User, bob: User, penora: ClientApp, clock) -> None:
    services.trash(user=alice, app=None, project_code=save(alice, penora, 100).project.code)
    clock.forward(days=29)
    services.trash(user=bob, app=None, project_code=save(bob, penora, 70).project.code)
    services.trash(user=alice, app=None, project_code=save(alice, penora, 30).project.code)
    assert services.purge_expired() == (0, 0)
    clock.forward(days=2)
    assert services.purge_expired() == (1, 100)
    assert (used(alice), used(bob)) == (30, 70)


def test_a_purged_project_leaves_no_bytes_behind(alice: User, penora: ClientApp) -> None:
    code = save(alice, penora).project.code
    services.purge(user=alice, app=None, project_code=code)
    assert (Project.objects.count(), Content.objects.count()) == (0, 0)
    with pytest.raises(ProjectNotFound):
        services.purge(user=alice, app=None, project_code=code)


@pytest.mark.parametrize("verb", ["update", "trash", "restore", "purge", "save"])
def test_an_app_touches_only_what_it_made(alice: User, penora: ClientApp, imagegene, stored, verb) -> None:
    code = save(alice, penora).project.code
    before = stored()
    with pytest.raises(AppMismatch):
        _touch(verb, alice, imagegene, code)
    assert stored() == before


@pytest.mark.parametrize("verb", ["update", "trash", "restore", "purge", "save"])
def test_nobody_touches_another_persons_project(alice: User, bob: User, penora: ClientApp, stored, verb) -> None:
    code = save(bob, penora).project.code
    save(alice, penora)
    before = stored()
    with pytest.raises(ProjectNotFound) as theirs:
        _touch(verb, alice, penora, code)
    with pytest.raises(ProjectNotFound) as nobodys:
        _touch(verb, alice, penora, "ZZZZZZ")
    assert (theirs.value.detail, theirs.value.facts) == (nobodys.value.detail, nobodys.value.facts)
    assert stored() == before


def _touch(verb: str, user: User, app: ClientApp, code: str) -> None:
    if verb == "save":
        save(user, app, project_code=code)
    elif verb == "update":
        services.update_project(user=user, app=app, project_code=code, changes={"title": "Mine now"})
    else:
        getattr(services, verb)(user=user, app=app, project_code=code)


def test_codes_are_six_letters_and_digits_nobody_misreads(alice: User, penora: ClientApp) -> None:
    codes = [save(alice, penora, 1).project.code for _ in range(40)]
    assert len(set(codes)) == 40
    assert all(len(code) == 6 for code in codes)
    assert set("".join(codes)) <= set(CODE_ALPHABET)
    assert CODE_ALPHABET.isupper()
    assert not set(CODE_ALPHABET) & set("0O1IL")


def test_a_code_is_never_given_out_twice(alice: User, penora: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    code = save(alice, penora).project.code
    services.purge(user=alice, app=None, project_code=code)
    drawn = iter([code, code, "NEWABC"])
    monkeypatch.setattr("workspace.services.projects.new_code", lambda: next(drawn))
    assert save(alice, penora).project.code == "NEWABC"
    assert set(IssuedCode.objects.values_list("code", flat=True)) == {code, "NEWABC"}


def test_every_write_appends_what_it_made_true(alice: User, penora: ClientApp) -> None:
    services.hold(user=alice, app=penora, amount=1)
    start = len(events_of(alice))
    made = save(alice, penora, 10, charge={"amount": 1}).project
    services.update_project(user=alice, app=None, project_code=made.code, changes={"title": "New"})
    services.trash(user=alice, app=None, project_code=made.code)
    services.restore(user=alice, app=None, project_code=made.code)
    services.purge(user=alice, app=None, project_code=made.code)
    assert events_of(alice)[start:] == [
        "credits.changed",
        "storage.changed",
        "project.saved",
        "project.saved",
        "project.deleted",
        "project.saved",
        "storage.changed",
        "project.deleted",
    ]
    last = Event.objects.order_by("-pk")[0].data
    assert (last["project_code"], last["permanent"], last["app_source"]) == (made.code, True, "penora")


def test_the_database_refuses_a_workspace_past_its_limit(alice: User, penora: ClientApp) -> None:
    workspace = services.workspace_of(user=alice)
    workspace.used_bytes = workspace.limit_bytes + 1
    with pytest.raises(IntegrityError), transaction.atomic():
        workspace.save()
    assert used(alice) == 0


def test_bytes_that_went_while_they_were_read_are_a_conflict_and_no_fault(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora).project
    services.purge(user=alice, app=None, project_code=made.code)
    with pytest.raises(content.ProjectChanged):
        content.raw_bytes(made)
