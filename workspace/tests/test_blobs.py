"""Pictures in a storage beside the database: nothing that is shown is ever missing, whatever fails and when."""

import hashlib
import io
import threading
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ClientApp, User
from workspace import blobs, content, services
from workspace.content import Prepared
from workspace.exporting import Export
from workspace.models import Content, LooseObject, Project, ProjectVersion
from workspace.services import WorkspaceFull, versions
from workspace.services.compressing import compress_many, encode_smaller
from workspace.tests.bucket import Bucket
from workspace.tests.cast import BASE, adds_up, base64_of, noise, picture, save, saved, used
from workspace.tests.test_commands import run

pytestmark = pytest.mark.django_db


def prepared_for(user: User, data: bytes = b"") -> Prepared:
    """A picture that has been encoded and uploaded, and not been saved yet."""
    return content.prepare(project_type="image", content=data or noise(40, 30), user=user)


def paint(user: User, app: ClientApp, data: bytes = b"", **terms) -> Project:
    return save(user, app, prepared=prepared_for(user, data), project_type="image", **terms).project


def object_of(project: Project) -> str:
    return Content.objects.get(pk=project.content_id).name


def collect_now() -> int:
    return blobs.collect(before=timezone.now() + timedelta(seconds=1))


def in_order(bucket: Bucket) -> bool:
    """Every object is in one place of the books and every place has its object."""
    shown = set(Content.objects.exclude(name="").values_list("name", flat=True))
    loose = set(LooseObject.objects.values_list("name", flat=True))
    return not shown & loose and shown <= bucket.names() <= shown | loose


def test_a_picture_lies_in_the_storage_and_its_row_is_empty(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    project = paint(alice, imagegene)
    stored = Content.objects.get(pk=project.content_id)
    assert stored.name.startswith(f"{alice.pk}/{project.content_hash}-")
    assert bytes(stored.data) == b""
    assert bytes(stored.thumbnail) != b""
    assert bucket.names() == {stored.name}
    data = bucket.get(stored.name)
    assert hashlib.sha256(data).hexdigest() == project.content_hash
    assert content.raw_bytes(project) == data
    assert used(alice) == len(data) == project.file_size_bytes
    assert not LooseObject.objects.exists()


def test_a_text_stays_in_the_database(alice: User, penora: ClientApp, bucket: Bucket) -> None:
    prepared = content.prepare(project_type="text", content="Once upon a time", user=alice)
    project = save(alice, penora, prepared=prepared).project
    assert (object_of(project), bucket.names()) == ("", set())


def test_over_http_nothing_looks_different(
    alice: User, bob: User, imagegene_api: APIClient, imagegene: ClientApp, bucket: Bucket
) -> None:
    body = {"app_source": "imagegene", "project_type": "image", "content": base64_of(noise(40, 30))}
    code = saved(imagegene_api, **body)["project_code"]
    [name] = bucket.names()
    url = f"{BASE}/project/{code}/content"
    answer = imagegene_api.get(url, {"user_id": "alice"})
    assert answer.content == bucket.get(name)
    assert imagegene_api.get(url, {"user_id": "bob"}).status_code == 404
    shown = imagegene_api.get(f"{BASE}/project/{code}", {"user_id": "alice"})
    assert shown.json()["content"].startswith("data:image/")
    assert name.encode() not in shown.content
    assert bucket.name.encode() not in shown.content
    theirs = Client()
    theirs.force_login(bob)
    assert theirs.get(f"/projects/{code}/content").status_code == 404


def test_the_same_picture_is_uploaded_and_counted_once(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    first, second = paint(alice, imagegene), paint(alice, imagegene)
    assert first.content_id == second.content_id
    assert len(bucket.names()) == 1
    assert not LooseObject.objects.exists()


def test_a_picture_two_people_have_is_two_objects(alice: User, bob: User, imagegene: ClientApp, bucket: Bucket) -> None:
    ours, theirs = paint(alice, imagegene), paint(bob, imagegene)
    assert ours.content_hash == theirs.content_hash
    assert len(bucket.names()) == 2
    services.purge(user=alice, app=None, project_code=ours.code)
    collect_now()
    assert content.raw_bytes(theirs)
    assert bucket.names() == {object_of(theirs)}


def test_when_the_upload_fails_the_database_keeps_the_picture(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    bucket.cut()
    project = paint(alice, imagegene)
    assert object_of(project) == ""
    assert hashlib.sha256(content.raw_bytes(project)).hexdigest() == project.content_hash
    bucket.connect()
    assert content.raw_bytes(project)
    collect_now()
    assert not LooseObject.objects.exists()
    assert run("check_storage")[0] == 0


def test_when_nothing_is_saved_after_the_upload_the_object_is_collected(alice: User, bucket: Bucket) -> None:
    prepared = prepared_for(alice)
    assert bucket.names() == {prepared.name}
    assert LooseObject.objects.get().name == prepared.name
    assert collect_now() == 1
    assert bucket.names() == set()
    assert not LooseObject.objects.exists()


def test_when_the_save_is_refused_the_object_stays_loose(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    prepared = prepared_for(alice)
    services.set_limit(user=alice, limit_bytes=10)
    with pytest.raises(WorkspaceFull):
        save(alice, imagegene, prepared=prepared, project_type="image")
    assert LooseObject.objects.get().name == prepared.name
    assert in_order(bucket)
    collect_now()
    assert bucket.names() == set()


class Crash(Exception):
    """The process ends here."""


def test_when_the_commit_fails_after_the_claim_the_object_is_loose_again(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    prepared = prepared_for(alice)

    def save_and_crash() -> None:
        with transaction.atomic():
            save(alice, imagegene, prepared=prepared, project_type="image")
            raise Crash

    with pytest.raises(Crash):
        save_and_crash()
    assert not Project.objects.exists()
    assert LooseObject.objects.get().name == prepared.name
    project = save(alice, imagegene, prepared=prepared, project_type="image").project
    assert object_of(project) == prepared.name
    assert collect_now() == 0
    assert content.raw_bytes(project) == prepared.data


def test_a_save_that_comes_after_its_object_was_collected_goes_to_the_database(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    prepared = prepared_for(alice)
    collect_now()
    project = save(alice, imagegene, prepared=prepared, project_type="image").project
    assert object_of(project) == ""
    assert content.raw_bytes(project) == prepared.data


def test_a_doomed_object_cannot_be_claimed(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    prepared = prepared_for(alice)
    LooseObject.objects.update(doomed=True)
    project = save(alice, imagegene, prepared=prepared, project_type="image").project
    collect_now()
    assert content.raw_bytes(project) == prepared.data


def test_an_upload_under_way_is_not_collected(alice: User, imagegene: ClientApp, bucket: Bucket, clock) -> None:
    prepared = prepared_for(alice)
    clock.forward(minutes=59)
    assert blobs.collect() == 0
    assert object_of(save(alice, imagegene, prepared=prepared, project_type="image").project) == prepared.name
    left = prepared_for(alice, noise(30, 40))
    clock.forward(minutes=61)
    assert blobs.collect() == 1
    assert left.name not in bucket.names()


def test_an_object_goes_only_after_the_commit_that_lets_it_go(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    project = paint(alice, imagegene)
    name = object_of(project)

    def purge_and_crash() -> None:
        with transaction.atomic():
            services.purge(user=alice, app=None, project_code=project.code)
            assert bucket.names() == {name}
            raise Crash

    with pytest.raises(Crash):
        purge_and_crash()
    collect_now()
    assert content.raw_bytes(project)
    services.purge(user=alice, app=None, project_code=project.code)
    assert bucket.names() == {name}
    assert in_order(bucket)
    assert collect_now() == 1
    assert bucket.names() == set()


def test_new_content_lets_the_old_object_go(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    project = paint(alice, imagegene)
    old = object_of(project)
    newer = prepared_for(alice, noise(20, 20))
    services.update_project(user=alice, app=None, project_code=project.code, prepared=newer, changes={})
    # Until then an earlier version shows it.
    assert not LooseObject.objects.exists()
    versions.drop(ProjectVersion.objects.values_list("pk", flat=True))
    assert LooseObject.objects.get().name == old
    collect_now()
    assert bucket.names() == {newer.name}


def test_a_deletion_that_fails_is_done_again(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    project = paint(alice, imagegene)
    services.purge(user=alice, app=None, project_code=project.code)
    bucket.cut()
    with pytest.raises(Exception, match="connect"):
        collect_now()
    assert LooseObject.objects.get().doomed
    bucket.connect()
    assert collect_now() == 1
    assert collect_now() == 0
    assert bucket.names() == set()


def test_a_deletion_cut_short_after_the_object_went_is_finished(alice: User, bucket: Bucket) -> None:
    prepared = prepared_for(alice)
    LooseObject.objects.update(doomed=True)
    bucket.delete(prepared.name)
    assert collect_now() == 1
    assert not LooseObject.objects.exists()


def test_a_storage_that_does_not_answer_is_a_503_and_nothing_else_stops(
    alice: User, imagegene: ClientApp, imagegene_api: APIClient, bucket: Bucket
) -> None:
    project = paint(alice, imagegene)
    bucket.cut()
    answer = imagegene_api.get(f"{BASE}/project/{project.code}/content", {"user_id": "alice"})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert answer["Retry-After"] == "30"
    assert imagegene_api.get(f"{BASE}/projects", {"user_id": "alice"}).status_code == 200
    assert imagegene_api.get(f"{BASE}/project/{project.code}/thumbnail", {"user_id": "alice"}).status_code == 200
    browser = Client()
    browser.force_login(alice)
    assert browser.get("/projects/").status_code == 200
    services.purge(user=alice, app=None, project_code=project.code)
    assert used(alice) == 0


def test_bytes_that_were_changed_in_the_storage_are_not_served(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    project = paint(alice, imagegene)
    bucket.put(object_of(project), b"something else")
    with pytest.raises(blobs.StorageUnavailable):
        content.raw_bytes(project)


def test_the_export_names_what_the_storage_did_not_give(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    paint(alice, imagegene, title="Here")
    bucket.delete(object_of(paint(alice, imagegene, noise(20, 20), title="Gone")))
    export = Export(alice)
    made = zipfile.ZipFile(io.BytesIO(b"".join(export.stream())))
    assert len(export.left_out) == 1
    assert [name for name in made.namelist() if name.startswith("stored/")]


def test_ready_means_that_the_storage_answers(bucket: Bucket) -> None:
    assert Client().get("/readyz").json()["checks"]["storage"] == "ok"
    bucket.cut()
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["storage"]) == (503, "down")


def test_the_check_finds_what_is_missing_cut_short_or_changed(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    projects = [paint(alice, imagegene, noise(size, 20)) for size in (20, 21, 22, 23)]
    assert run("check_storage", "--deep") == (0, run("check_storage")[1])
    whole, missing, short, changed = map(object_of, projects)
    bucket.delete(missing)
    bucket.put(short, bucket.get(short)[:-1])
    bucket.put(changed, bytes(len(bucket.get(changed))))
    status, said = run("check_storage")
    assert status == 1
    assert f"{missing} is missing" in said
    assert f"{short} has " in said
    assert "2 faults" in said
    status, said = run("check_storage", "--deep")
    assert f"{changed} is not what was stored" in said
    assert "3 faults" in said
    assert whole not in said


def test_the_check_says_when_nobody_knows_where_the_storage_is(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    paint(alice, imagegene)
    bucket.take_away()
    status, said = run("check_storage")
    assert status == 1
    assert "1 contents are in a storage, and STORAGE_URL does not say where that is" in said


def test_the_check_finds_an_object_that_would_be_collected_though_it_is_shown(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    LooseObject.objects.create(name=object_of(paint(alice, imagegene)))
    status, said = run("check_storage")
    assert status == 1
    assert "is shown and noted as loose" in said


def test_pictures_move_to_the_storage_and_back_whole(
    alice: User, bob: User, imagegene: ClientApp, penora: ClientApp, bucket: Bucket
) -> None:
    bucket.take_away()
    projects = [paint(owner, imagegene, noise(size, 20)) for owner in (alice, bob) for size in (20, 30)]
    text = save(alice, penora).project
    before = [content.raw_bytes(project) for project in projects]
    with pytest.raises(CommandError, match="STORAGE_URL is not set"):
        run("move_content", "--to", "storage")
    bucket.connect()
    assert run("move_content", "--to", "storage")[1].startswith("4 pictures")
    assert run("move_content", "--to", "storage") == (0, "0 pictures of 0 bytes moved, 0 left where they were.\n")
    assert [content.raw_bytes(project) for project in projects] == before
    assert len(bucket.names()) == 4
    assert object_of(text) == ""
    assert run("check_storage", "--deep")[0] == 0
    assert run("move_content", "--to", "database")[1].startswith("4 pictures")
    assert len(bucket.names()) == 4
    assert collect_now() == 4
    assert [content.raw_bytes(project) for project in projects] == before
    assert (bucket.names(), LooseObject.objects.count()) == (set(), 0)
    assert adds_up(alice)
    assert run("check_storage")[0] == 0


def test_a_move_cut_short_goes_on_where_it_was(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    bucket.take_away()
    projects = [paint(alice, imagegene, noise(size, 20)) for size in (20, 30, 40)]
    bucket.connect()
    first = Content.objects.get(pk=projects[0].content_id)
    name = blobs.upload(alice, bytes(first.data))
    assert run("move_content", "--to", "storage")[1].startswith("3 pictures")
    assert LooseObject.objects.get().name == name
    bucket.delete(object_of(projects[1]))
    status, said = run("move_content", "--to", "database")
    assert (status, said.split(" of ")[0]) == (1, "2 pictures")
    assert "1 left where they were" in said


def test_a_move_is_refused_when_the_storage_does_not_answer(bucket: Bucket) -> None:
    bucket.cut()
    with pytest.raises(CommandError, match="does not answer"):
        run("move_content", "--to", "storage")


def test_collecting_finds_what_an_older_database_has_forgotten(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    kept = object_of(paint(alice, imagegene))
    pending = prepared_for(alice, noise(20, 20)).name
    bucket.put(f"{alice.pk}/forgotten", b"x")
    assert run("collect_orphans", "--unknown") == (0, "0 objects deleted, 0 of them unknown before.\n")
    assert run("collect_orphans", "--unknown", "--older-than", "-1")[1].startswith("2 objects deleted, 1 of them")
    assert bucket.names() == {kept}
    assert pending not in bucket.names()


def test_the_command_collects_nothing_without_a_storage() -> None:
    assert run("collect_orphans", "--unknown") == (0, "0 objects deleted, 0 of them unknown before.\n")


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_saves_and_collections_at_once_lose_nothing(alice: User, imagegene: ClientApp, bucket: Bucket, race) -> None:
    """Even with no safe age at all: whoever is collected first is kept by the database instead."""
    prepared = [prepared_for(alice, noise(10 + number, 10)) for number in range(8)]

    def work(number: int) -> object:
        if number % 2:
            return collect_now()
        return save(alice, imagegene, prepared=prepared[number // 2], project_type="image").project

    results = race(work, times=16, threads=8)
    projects = [result for result in results if isinstance(result, Project)]
    assert [type(result) for result in results if isinstance(result, Exception)] == []
    assert len(projects) == 8
    read = {hashlib.sha256(content.raw_bytes(project)).hexdigest() for project in projects}
    assert read == {made.hash for made in prepared}
    assert in_order(bucket)
    assert run("check_storage", "--deep")[0] == 0


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_moves_saves_and_purges_at_once_lose_nothing(alice: User, imagegene: ClientApp, bucket: Bucket, race) -> None:
    codes = [paint(alice, imagegene, noise(10 + number, 10)).code for number in range(4)]
    newer = [prepared_for(alice, noise(30 + number, 10)) for number in range(8)]

    def work(number: int) -> object:
        turn, which = divmod(number, 4)
        if turn == 0:
            return run("move_content", "--to", ("database", "storage")[which % 2])[0]
        if turn == 1:
            return collect_now()
        if turn == 2 and which:
            return services.purge(user=alice, app=None, project_code=codes[which])
        return save(alice, imagegene, prepared=newer[number % 8], project_type="image").project

    results = race(work, times=16, threads=8)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert {project.content_hash for project in Project.objects.all()} >= {
        result.content_hash for result in results if isinstance(result, Project)
    }
    assert in_order(bucket)
    assert adds_up(alice)
    assert run("check_storage", "--deep")[0] == 0


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_storage_is_asked(
    alice: User, imagegene_api: APIClient, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    for name in ("save", "open", "delete", "size"):
        target = blobs.storage()
        real = getattr(target, name)

        def watched(*args, real=real, **kwargs):
            asked.append(connection.in_atomic_block)
            return real(*args, **kwargs)

        monkeypatch.setattr(target, name, watched)
    body = {"app_source": "imagegene", "project_type": "image", "content": base64_of(noise(40, 30))}
    code = saved(imagegene_api, **body)["project_code"]
    imagegene_api.get(f"{BASE}/project/{code}/content", {"user_id": "alice"})
    imagegene_api.patch(f"{BASE}/project/{code}", {"user_id": "alice", "content": base64_of(picture())}, format="json")
    imagegene_api.delete(f"{BASE}/project/{code}?user_id=alice&permanent=true")
    run("check_storage", "--deep")
    run("move_content", "--to", "database")
    collect_now()
    assert len(asked) >= 4
    assert not any(asked)


def test_a_person_waits_seconds_not_minutes_for_a_storage_that_is_gone(
    alice: User, imagegene: ClientApp, bucket: Bucket
) -> None:
    bucket.cut()
    done = threading.Event()
    timer = threading.Timer(30, done.set)
    timer.start()
    paint(alice, imagegene)
    timer.cancel()
    assert not done.is_set()


def test_a_picture_compressed_more_stays_in_the_storage(alice: User, imagegene: ClientApp, bucket: Bucket) -> None:
    project = paint(alice, imagegene, noise(200, 150))
    old, codes = object_of(project), [project.code]
    attempts = encode_smaller(user=alice, app=None, project_codes=codes)
    [outcome] = compress_many(user=alice, app=None, project_codes=codes, attempts=attempts)
    assert outcome.refusal is None
    newer = object_of(Project.objects.get())
    assert newer not in ("", old)
    # Until then an earlier version shows it.
    assert not LooseObject.objects.exists()
    versions.drop(ProjectVersion.objects.values_list("pk", flat=True))
    assert LooseObject.objects.get().name == old
    collect_now()
    assert bucket.names() == {newer}
    assert run("check_storage", "--deep")[0] == 0
