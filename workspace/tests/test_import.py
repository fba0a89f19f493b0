"""The import of an export: all of it arrives, once, as it was; and nothing that only looks like one gets in."""

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from accounts import append_only
from accounts import services as accounts
from accounts.models import ClientApp, Connection, User
from accounts.tests.cast import install_client_apps
from credits import services as credits
from credits.models import Entry
from workspace import content, images, services, zip_reading
from workspace.exporting import Export
from workspace.models import ImportedRow, Project, ProjectVersion, StorageEntry
from workspace.services.preferences import set_full_mark, set_preferences
from workspace.tests.cast import adds_up, noise, save, used
from workspace.tests.test_commands import run
from workspace.tests.test_export import exported, paint, rows_of, transparent

pytestmark = pytest.mark.django_db
Files = dict[str, bytes]


@pytest.fixture
def rich(alice: User, penora: ClientApp, imagegene: ClientApp) -> User:
    """Alice with texts and pictures of all kinds, something in the trash, a cap and an app she shut out."""
    text = content.prepare_text("Ünïcode – «ещё» 한글\n" * 200, "auto")
    save(alice, penora, prepared=text, title="Night train", tags=["a", "b"], charge={"amount": 3})
    save(alice, penora, prepared=content.prepare_text("x" * 900, "none"), title="As sent", favourite=True)
    paint(alice, imagegene, noise(60, 40), "A harbour", metadata={"prompt": "a harbour at dawn", "seed": 7})
    gone = paint(alice, imagegene, transparent(), "Gone")
    services.trash(user=alice, app=None, project_code=gone.code)
    services.update_project(user=alice, app=None, project_code=gone_twin(alice), changes={"title": "Renamed"})
    accounts.set_daily_cap(user=alice, app=penora, credits=9)
    accounts.connect(user=alice, app=imagegene)
    accounts.disconnect(user=alice, app=imagegene)
    credits.set_low_mark(user=alice, credits=7)
    set_preferences(user=alice, make_room_from_trash=True, fit=False, max_edge=1024)
    set_full_mark(user=alice, percent=65)
    return alice


def gone_twin(user: User) -> str:
    return Project.objects.owned_by(user).get(title="As sent").code


@pytest.fixture
def written(rich: User, tmp_path: Path) -> Path:
    """Alice's export as a file."""
    path = tmp_path / "alice.zip"
    path.write_bytes(b"".join(Export(rich).stream()))
    return path


def emptied() -> None:
    """Another installation: nothing but the client apps is there."""
    append_only.remove()
    call_command("flush", interactive=False, verbosity=0)
    install_client_apps()


def proved() -> None:
    assert run("check_ledger")[0] == 0
    assert run("check_storage")[0] == 0


def changed(path: Path, change: Callable[[Files], object], *, seal: bool = True) -> Path:
    """The same export with other files in it, and sums that fit them unless `seal` is off."""
    with zipfile.ZipFile(path) as made:
        files = {name: made.read(name) for name in made.namelist()}
    change(files)
    if seal:
        del files["SHA256SUMS.txt"]
        sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
        files["SHA256SUMS.txt"] = "".join(sums).encode()
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return other


def edited(path: Path, name: str, change: Callable[[dict], object]) -> Path:
    """The same export with something else said in one of its documents: of every row, where it is a list."""

    def edit(files: Files) -> None:
        document = json.loads(files[name])
        for row in document if isinstance(document, list) else [document]:
            change(row)
        lines = ",\n".join(json.dumps(row) for row in document) if isinstance(document, list) else ""
        files[name] = f"[\n{lines}\n]\n".encode() if isinstance(document, list) else json.dumps(document).encode()

    return changed(path, edit)


@pytest.mark.django_db(transaction=True)
def test_what_was_exported_arrives_in_an_empty_installation_as_it_was(written: Path) -> None:
    before = zipfile.ZipFile(written)
    emptied()
    status, said = run("import_user", written, "--with-credits", "Moved house")
    assert status == 0
    assert "1 new people, 4 projects (0 under a new code, 0 encoded anew) and 57 credits imported for alice;" in said
    assert "0 projects were here before, 0 skipped." in said
    user = User.objects.get(user_id="alice")
    after = exported(user)
    assert rows_of(after, "projects") == rows_of(before, "projects")
    contents = [name for name in before.namelist() if "/" in name]
    assert [name for name in after.namelist() if "/" in name] == contents
    assert {name: after.read(name) for name in contents} == {name: before.read(name) for name in contents}
    old, new = json.loads(before.read("account.json")), json.loads(after.read("account.json"))
    kept = ("user_id", "username", "email", "created_at", "credits_balance", "storage_used_bytes", "connections")
    assert new["settings"] == old["settings"] != {}
    assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
    entries = [(e.transaction_type, e.amount, e.description) for e in Entry.objects.owned_by(user)]
    assert entries == [("base", 57, "Moved house")]
    assert set(StorageEntry.objects.values_list("cause", flat=True)) >= {"imported"}
    assert adds_up(user)
    proved()


def rewritten(user: User) -> Project:
    """Alice's text again, after it said something else and a picture after it was another."""
    [text] = Project.objects.owned_by(user).filter(title="Night train")
    for words in ("Second. " * 90, "Third. " * 90):
        prepared = content.prepare_text(words, "auto")
        services.update_project(user=user, app=None, project_code=text.code, prepared=prepared, changes={})
    [art] = Project.objects.owned_by(user).filter(title="A harbour")
    other = content.prepare(project_type="image", content=noise(50, 50))
    services.update_project(user=user, app=None, project_code=art.code, prepared=other, changes={})
    return text


def by_age(made: zipfile.ZipFile) -> list[dict]:
    return sorted(rows_of(made, "versions"), key=lambda row: row["replaced_at"])


@pytest.mark.django_db(transaction=True)
def test_earlier_versions_arrive_with_their_projects(rich: User, tmp_path: Path) -> None:
    code, path = rewritten(rich).code, tmp_path / "alice.zip"
    path.write_bytes(b"".join(Export(rich).stream()))
    before = zipfile.ZipFile(path)
    assert sorted(row["version"] for row in rows_of(before, "versions")) == [1, 1, 2]
    assert b"Second. " * 90 in {before.read(name) for name in before.namelist() if name.startswith("versions/")}
    emptied()
    assert run("import_user", path)[0] == 0
    assert run("import_user", path)[0] == 0
    assert by_age(exported(User.objects.get())) == by_age(before)
    back = services.restore_version(user=User.objects.get(), app=None, project_code=code, number=2)
    assert content.text_of(back) == "Second. " * 90
    proved()


@pytest.mark.parametrize(
    ("fault", "arrive"),
    [
        ({"version": 99}, 0),
        ({"version": "x"}, 0),
        ({"content_sha256": "no"}, 0),
        ({"project_code": "ZZZZZZ"}, 0),
        ({"version": 1}, 2),
        ({}, 3),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_version_that_cannot_be_is_left_out_and_the_rest_arrives(
    rich: User, tmp_path: Path, fault: dict, arrive: int
) -> None:
    rewritten(rich)
    path = tmp_path / "alice.zip"
    path.write_bytes(b"".join(Export(rich).stream()))
    changed_export = edited(path, "versions.json", lambda row: row.update(fault))
    emptied()
    run("import_user", changed_export)
    assert (Project.objects.count(), ProjectVersion.objects.count()) == (4, arrive)
    proved()


@pytest.mark.django_db(transaction=True)
def test_versions_that_have_no_room_do_not_arrive_and_hold_nothing_up(rich: User, tmp_path: Path) -> None:
    rewritten(rich)
    path = tmp_path / "alice.zip"
    path.write_bytes(b"".join(Export(rich).stream()))
    needed = used(rich)
    emptied()
    user, _ = accounts.register(
        user_id="carol", username="C", email="c@example.com", app=ClientApp.objects.get(slug="penora")
    )
    services.set_limit(user=user, limit_bytes=needed)
    run("import_user", path, "--as", "carol")
    assert (used(user), Project.objects.count(), ProjectVersion.objects.count()) == (needed, 4, 0)
    proved()


@pytest.mark.django_db(transaction=True)
def test_importing_twice_brings_nothing_twice(written: Path) -> None:
    emptied()
    run("import_user", written, "--with-credits", "Moved house")
    first = b"".join(Export(User.objects.get()).stream())
    status, said = run("import_user", written, "--with-credits", "Moved house")
    assert status == 0
    assert said.startswith("0 new people, 0 projects")
    assert "4 projects were here before" in said
    assert (Project.objects.count(), User.objects.count()) == (4, 1)
    assert credits.wallet_of(user=User.objects.get()).balance == 57
    assert rows_of(zipfile.ZipFile(io.BytesIO(first)), "projects") == rows_of(exported(User.objects.get()), "projects")


@pytest.mark.django_db(transaction=True)
def test_credits_come_along_only_when_staff_say_so(written: Path) -> None:
    emptied()
    run("import_user", written)
    user = User.objects.get()
    assert credits.wallet_of(user=user).balance == 60
    assert run("import_user", written, "--with-credits", "They asked")[0] == 0
    assert credits.wallet_of(user=user).balance == 60 + 57
    newest = Entry.objects.owned_by(user).order_by("-version")[0]
    assert (newest.transaction_type, newest.description) == ("adjustment", "They asked")
    proved()


def test_somebody_who_is_here_is_not_added_to_unasked(written: Path, stored) -> None:
    before = stored()
    with pytest.raises(CommandError, match=r"There is a user alice here already\. With --as"):
        run("import_user", written)
    assert stored() == before


def test_whoever_closed_their_account_is_not_brought_back(rich: User, written: Path, stored) -> None:
    services.close_account(user=rich)
    before = stored()
    with pytest.raises(CommandError, match="this user_id closed their account"):
        run("import_user", written)
    assert stored() == before


def test_an_address_that_is_anothers_is_refused(bob: User, written: Path, stored) -> None:
    other = edited(written, "account.json", lambda said: said.update(user_id="carol", email="BOB@example.com"))
    before = stored()
    with pytest.raises(CommandError, match="belongs to another user"):
        run("import_user", other)
    assert stored() == before


def test_it_goes_to_whom_staff_name_under_codes_of_their_own(rich: User, bob: User, written: Path) -> None:
    status, said = run("import_user", written, "--as", "bob")
    assert status == 0
    assert "4 projects (4 under a new code, 0 encoded anew) and 0 credits imported for bob" in said
    assert Project.objects.owned_by(bob).count() == Project.objects.owned_by(rich).count() == 4
    assert Connection.objects.get(user=bob).daily_cap is None
    assert services.workspace_of(user=bob).max_edge is None
    assert credits.wallet_of(user=bob).balance == 60
    assert "4 projects were here before" in run("import_user", written, "--as", "bob")[1]
    proved()


def test_ones_own_export_brings_back_only_what_is_gone(rich: User, written: Path) -> None:
    gone = Project.objects.owned_by(rich).get(title="A harbour")
    services.purge(user=rich, app=None, project_code=gone.code)
    status, said = run("import_user", written, "--as", "alice")
    assert status == 0
    assert "1 projects (1 under a new code" in said
    assert "3 projects were here before" in said
    back = Project.objects.owned_by(rich).get(title="A harbour")
    assert (back.content_hash, back.created_at) == (gone.content_hash, gone.created_at)
    proved()


def test_staff_name_somebody_who_is_here(written: Path) -> None:
    with pytest.raises(CommandError, match="no user nobody"):
        run("import_user", written, "--as", "nobody")


def test_what_does_not_fit_is_named_and_the_rest_arrives(rich: User, bob: User, written: Path) -> None:
    services.set_limit(user=bob, limit_bytes=910)
    status, said = run("import_user", written, "--as", "bob")
    assert status == 1
    assert "was skipped: This needs" in said
    assert 0 < Project.objects.owned_by(bob).count() < 4
    assert used(bob) <= 910
    services.set_limit(user=bob, limit_bytes=1_048_576)
    assert run("import_user", written, "--as", "bob")[0] == 0
    assert Project.objects.owned_by(bob).count() == 4
    proved()


def test_the_limit_is_raised_by_what_is_needed_when_staff_say_so(
    rich: User, bob: User, penora: ClientApp, written: Path
) -> None:
    save(bob, penora, 500)
    services.set_limit(user=bob, limit_bytes=100)
    assert run("import_user", written, "--as", "bob", "--raise-limit")[0] == 0
    workspace = services.workspace_of(user=bob)
    assert workspace.limit_bytes == workspace.used_bytes == 500 + used(rich)
    proved()


def test_an_app_that_is_not_here_is_named_and_can_come_later(rich: User, bob: User, written: Path) -> None:
    other = edited(written, "projects.json", lambda row: row.update(app_source="singer"))
    status, said = run("import_user", other, "--as", "bob")
    assert status == 1
    assert "There is no app singer here." in said
    assert not Project.objects.owned_by(bob).exists()
    ClientApp.objects.create(slug="singer", name="Singer")
    assert run("import_user", other, "--as", "bob")[0] == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"title": ""},
        {"title": "a\x00b"},
        {"title": "x" * 201},
        {"tags": "a"},
        {"tags": ["x"] * 30},
        {"metadata": []},
        {"metadata": {"x": "y" * 9000}},
        {"project_type": "program"},
        {"project_code": "../../"},
        {"version": 0},
        {"version": True},
        {"created_at": "yesterday"},
        {"trashed_at": 5},
        {"file": None},
        {"file": "../../../etc/passwd", "stored_file": None},
        {"original_size_bytes": -1},
        {"encoder": "x"},
    ],
)
def test_a_row_that_cannot_be_is_skipped_by_name(rich: User, bob: User, written: Path, fault: dict) -> None:
    other = edited(written, "projects.json", lambda row: row.update(fault) if row["title"] == "Night train" else None)
    try:
        status, said = run("import_user", other, "--as", "bob")
    except CommandError as refusal:
        status, said = 2, str(refusal)
    assert status in (1, 2), said
    assert "Night train" not in Project.objects.owned_by(bob).values_list("title", flat=True)
    assert adds_up(bob) if status == 1 else not Project.objects.owned_by(bob).exists()


def replaced(data: bytes) -> Callable[[Files], None]:
    """Another file in the place of every picture."""

    def change(files: Files) -> None:
        files.update({name: data for name in files if name.startswith("stored/")})

    return change


def test_a_picture_that_says_more_than_a_picture_is_encoded_anew(rich: User, bob: User, written: Path) -> None:
    status, said = run("import_user", changed(written, replaced(exif_avif())), "--as", "bob")
    assert status == 0
    assert "2 encoded anew" in said
    stored = [content.raw_bytes(project) for project in Project.objects.owned_by(bob)]
    assert len(stored) == 4
    assert not any(b"where I live" in data for data in stored)
    proved()


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", b"RIFF\x04\0\0\0WEBP", b"\0\0\0\x1cftypavif", b"%PDF-1.4", b"<svg/>"]
)
def test_what_is_no_picture_is_skipped(rich: User, bob: User, written: Path, data: bytes) -> None:
    status, said = run("import_user", changed(written, replaced(data)), "--as", "bob")
    assert status == 1
    assert "2 projects" in said
    assert set(Project.objects.owned_by(bob).values_list("project_type", flat=True)) == {"text"}


def test_only_what_an_encoder_of_ours_writes_is_bare() -> None:
    photo = images.encode(noise(80, 60))
    assert photo.content_type == "image/avif"
    kept = images.keep(photo.data)
    assert kept is not None
    assert (kept.data, kept.width, kept.height) == (photo.data, 80, 60)
    for foreign in (
        photo.data + b"\0",
        photo.data.replace(b"mdat", b"free", 1),
        struct.pack(">I4s", 16, b"free") + b"payload!" + photo.data,
        noise(8, 8),
        exif_avif(),
        profiled_webp(),
    ):
        assert images.keep(foreign) is None, foreign[:16]


def exif_avif() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    Image.effect_noise((64, 64), 60).convert("RGB").save(out, "AVIF", exif=exif)
    return out.getvalue()


def profiled_webp() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(out, "WEBP", lossless=True, xmp=b"<x>secret</x>")
    return out.getvalue()


def test_a_still_that_hides_frames_or_a_wrong_length_is_not_bare() -> None:
    webp = images.encode(noise(40, 30), lossless=True).data
    assert images.keep(webp) is not None
    longer = bytearray(webp + b"junk" * 2)
    longer[4:8] = struct.pack("<I", len(longer) - 8)
    assert images.keep(bytes(longer)) is None
    assert images.keep(webp[:-2] + b"") is None


def drop(name: str) -> Callable[[Files], object]:
    return lambda files: files.pop(name)


def put(name: str, data: bytes) -> Callable[[Files], object]:
    return lambda files: files.update({name: data})


@pytest.mark.parametrize(
    ("change", "seal"),
    [
        (put("account.json", b"{}"), False),
        (put("projects/extra.txt", b"more"), False),
        (drop("grants.csv"), False),
        (drop("account.json"), True),
        (drop("manifest.json"), True),
        (drop("projects.json"), True),
        (put("manifest.json", b'{"format": "unified-export", "format_version": 2, "made_by": "x"}'), True),
        (put("manifest.json", b'{"format": "other", "format_version": 1, "made_by": "x"}'), True),
        (put("manifest.json", b"[]"), True),
        (put("account.json", b'{"user_id": "a b"}'), True),
        (put("account.json", b"[" * 100_000), True),
        (put("account.json", b'{"a": 1, "a": 2}'), True),
        (put("projects.json", b"[\nnonsense\n]\n"), True),
        (put("projects.json", b"[\n" + b'{"a":"' + b"x" * 2_000_000 + b'"}\n]\n'), True),
        (put("../../evil.txt", b"x"), True),
        (put("/etc/passwd", b"x"), True),
        (put("projects/../../evil.txt", b"x"), True),
        (put("projects/..", b"x"), True),
        (put("projects\\evil.txt", b"x"), True),
        (put("C:evil.txt", b"x"), True),
        (put("other/folder.txt", b"x"), True),
        (put("a\nb.txt", b"x"), True),
    ],
)
def test_what_is_not_as_an_export_was_made_is_refused_whole(
    bob: User, written: Path, stored, change: Callable[[Files], object], seal: bool
) -> None:
    other, before = changed(written, change, seal=seal), stored()
    with pytest.raises(CommandError):
        run("import_user", other, "--as", "bob")
    assert stored() == before


@pytest.mark.parametrize("size", [0, 1, 21, 22, 100, 5_000, -1, -30])
def test_a_file_cut_short_is_refused(bob: User, written: Path, size: int) -> None:
    written.write_bytes(written.read_bytes()[:size])
    with pytest.raises(CommandError):
        run("import_user", written, "--as", "bob")
    assert not Project.objects.owned_by(bob).exists()


def test_any_byte_changed_on_the_way_is_noticed(bob: User, written: Path) -> None:
    data = bytearray(written.read_bytes())
    with zipfile.ZipFile(written) as made:
        entry = max(made.infolist(), key=lambda info: info.compress_size)
    data[entry.header_offset + 100 + entry.compress_size // 2] ^= 1
    written.write_bytes(data)
    with pytest.raises(CommandError, match=r"cannot be read|was changed"):
        run("import_user", written, "--as", "bob")


def test_a_file_that_is_missing_or_no_zip_is_refused(tmp_path: Path, bob: User) -> None:
    with pytest.raises(CommandError, match="cannot be opened"):
        run("import_user", tmp_path / "missing.zip", "--as", "bob")
    (tmp_path / "text.zip").write_text("hello " * 100)
    with pytest.raises(CommandError, match="no zip"):
        run("import_user", tmp_path / "text.zip", "--as", "bob")


def test_an_encrypted_linked_or_doubled_file_is_refused(bob: User, written: Path) -> None:
    def rewritten(flag: str) -> None:
        with zipfile.ZipFile(written) as made:
            files = {name: made.read(name) for name in made.namelist()}
        with zipfile.ZipFile(written.with_name("odd.zip"), "w") as made:
            for name, data in files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (0o120777 if flag == "link" and name == "README.txt" else 0o600) << 16
                info.compress_type = zipfile.ZIP_BZIP2 if flag == "bzip2" else zipfile.ZIP_STORED
                made.writestr(info, data)
            if flag == "twice":
                with pytest.warns(UserWarning, match="Duplicate"):
                    made.writestr("README.txt", b"other")
        if flag == "locked":
            raw = bytearray(written.with_name("odd.zip").read_bytes())
            raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
            written.with_name("odd.zip").write_bytes(raw)

    for flag in ("link", "twice", "locked", "bzip2"):
        rewritten(flag)
        with pytest.raises(CommandError, match=r"nothing that an export has|the same name"):
            run("import_user", written.with_name("odd.zip"), "--as", "bob")
    assert not Project.objects.owned_by(bob).exists()


def test_a_bomb_is_refused_before_it_is_unpacked(bob: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for number in range(4):
            made.writestr(f"{number}.txt", bytes(1_000_000))
    monkeypatch.setattr(zip_reading, "MAX_UNPACKED_BYTES", 3_999_999)
    with pytest.raises(CommandError, match="larger than an export"):
        run("import_user", bomb, "--as", "bob")
    monkeypatch.setattr(zip_reading, "MAX_UNPACKED_BYTES", 4_000_000)
    monkeypatch.setattr(zip_reading, "MAX_FILES", 3)
    with pytest.raises(CommandError, match="larger than an export"):
        run("import_user", bomb, "--as", "bob")
    monkeypatch.setattr(zip_reading, "MAX_DIRECTORY_BYTES", 100)
    with pytest.raises(CommandError, match="more parts than an export"):
        run("import_user", bomb, "--as", "bob")


def test_a_text_or_picture_larger_than_one_may_be_is_refused(rich: User, bob: User, written: Path) -> None:
    def grow(files: Files) -> None:
        files.update({name: b"a" * 600_000 for name in files if name.startswith("projects/night")})

    with pytest.raises(CommandError, match="larger than 524,288 bytes"):
        run("import_user", changed(written, grow), "--as", "bob")


def test_what_was_taken_over_is_noted_without_saying_from_whom(rich: User, bob: User, written: Path) -> None:
    run("import_user", written, "--as", "bob")
    names = list(ImportedRow.objects.values_list("name", flat=True))
    assert len(names) == 4
    assert not [name for name in names if "alice" in name or "127.0.0.1" in name]
