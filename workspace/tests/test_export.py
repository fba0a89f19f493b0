"""The export: everything that is a person's and nothing else, as of one moment, in files that open everywhere."""

import csv
import hashlib
import io
import json
import stat
import subprocess
import threading
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts import factors
from accounts import services as accounts
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Entry
from workspace import content, export_files, services
from workspace.exporting import Export
from workspace.image_gate import gate
from workspace.models import Project
from workspace.tests.cast import picture, save
from workspace.tests.test_commands import run
from workspace.zipping import ZipStream

pytestmark = pytest.mark.django_db


def exported(user: User) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(Export(user).stream())))


def rows_of(made: zipfile.ZipFile, name: str) -> list[dict]:
    return json.loads(made.read(f"{name}.json"))


def table_of(made: zipfile.ZipFile, name: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(made.read(f"{name}.csv").decode())))


def paint(user: User, app: ClientApp, data: bytes = b"", title: str = "A picture", **terms) -> Project:
    prepared = content.prepare(project_type="image", content=data or picture())
    return save(user, app, prepared=prepared, project_type="image", title=title, **terms).project


def transparent() -> bytes:
    image = Image.effect_noise((64, 48), 90).convert("RGB")
    image.putalpha(Image.linear_gradient("L").resize((64, 48)))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def rich(alice: User, bob: User, penora: ClientApp, imagegene: ClientApp) -> User:
    """Alice with something of everything, and Bob with a secret."""
    text = content.prepare_text("Ünïcode – «ещё» 한글\n" * 200, "auto")
    save(alice, penora, prepared=text, title="Night train", tags=["a", "b"], charge={"amount": 3})
    paint(alice, imagegene, title="A harbour", metadata={"prompt": "a harbour at dawn", "seed": 7}, favourite=True)
    gone = save(alice, penora, prepared=content.prepare_text("=1+1", "none"), title="=cmd|' /C calc'!A1").project
    services.trash(user=alice, app=None, project_code=gone.code)
    services.hold(user=alice, app=penora, amount=4, storage_bytes=10, description="A mural")
    accounts.set_daily_cap(user=alice, app=penora, credits=9)
    save(bob, penora, prepared=content.prepare_text("Bob's secret", "none"), title="Bob's secret")
    return alice


def test_holds_every_project_as_a_file_that_opens(rich: User) -> None:
    made = exported(rich)
    named = {row["title"]: row for row in rows_of(made, "projects")}
    assert made.read(named["Night train"]["file"]).decode() == "Ünïcode – «ещё» 한글\n" * 200
    assert named["Night train"]["file"].startswith("projects/night-train-")
    assert Image.open(io.BytesIO(made.read(named["A harbour"]["file"]))).format in ("JPEG", "PNG")
    assert made.read(named["=cmd|' /C calc'!A1"]["file"]) == b"=1+1"
    assert named["=cmd|' /C calc'!A1"]["file"].startswith("trash/")
    assert named["A harbour"]["metadata"] == {"prompt": "a harbour at dawn", "seed": 7}
    assert named["A harbour"]["favourite"] is True
    assert named["Night train"]["tags"] == ["a", "b"]
    assert len(named) == 3


def test_keeps_pictures_byte_for_byte_beside_their_copies(rich: User) -> None:
    made = exported(rich)
    row = next(row for row in rows_of(made, "projects") if row["project_type"] == "image")
    stored = bytes(Project.objects.get(code=row["project_code"]).content.data)
    assert made.read(row["stored_file"]) == stored
    assert row["stored_file"].startswith(f"stored/{hashlib.sha256(stored).hexdigest()}.")


def test_the_ledger_in_it_adds_up_to_the_balance(rich: User) -> None:
    made = exported(rich)
    entries, account = rows_of(made, "transactions"), json.loads(made.read("account.json"))
    assert sum(row["amount"] for row in entries) == account["credits_balance"] == 57
    assert entries[-1]["balance_after"] == 57
    assert account["credits_held"] == 4
    assert [row["transaction_id"] for row in entries] == list(
        Entry.objects.owned_by(rich).order_by("version").values_list("id", flat=True)
    )
    assert [row["amount"] for row in rows_of(made, "holds")] == [4]
    assert sum(row["remaining"] for row in rows_of(made, "grants")) == 57
    assert {row["app_name"]: row["daily_cap"] for row in account["connections"]} == {"penora": 9}


def test_says_in_json_and_csv_the_same(rich: User) -> None:
    made = exported(rich)
    manifest = json.loads(made.read("manifest.json"))
    for name in ("projects", "transactions", "grants", "holds", "storage", "events"):
        assert len(table_of(made, name)) == len(rows_of(made, name)) == manifest["counts"][name] > 0, name
    entry, line = rows_of(made, "transactions")[2], table_of(made, "transactions")[2]
    assert line["created_at"] == entry["created_at"]
    assert (int(line["amount"]), line["description"]) == (entry["amount"], "Night train")


def test_a_title_is_no_formula_in_the_table(rich: User) -> None:
    titles = [line["title"] for line in table_of(exported(rich), "projects")]
    assert "'=cmd|' /C calc'!A1" in titles


def test_holds_nothing_of_anybody_else(rich: User) -> None:
    raw = b"".join(Export(rich).stream())
    made = zipfile.ZipFile(io.BytesIO(raw))
    everything = b"".join(made.read(name) for name in made.namelist())
    assert b"bob" not in everything.lower()
    assert b"argon2" not in everything


def test_says_of_every_file_what_it_is_and_what_it_sums_to(rich: User) -> None:
    made = exported(rich)
    listed = dict(reversed(line.split("  ", 1)) for line in made.read("SHA256SUMS.txt").decode().splitlines())
    others = [name for name in made.namelist() if name != "SHA256SUMS.txt"]
    assert {name: hashlib.sha256(made.read(name)).hexdigest() for name in others} == listed
    readme = made.read("README.txt").decode()
    roots = {name.split("/")[0].split(".")[0] for name in made.namelist()} - {"README"}
    assert {root for root in roots if root not in readme} == set()


def test_names_the_places_and_factors_a_person_signs_in_with_and_no_secret(alice: User, client: Client) -> None:
    secret, codes = factors.set_up_app(alice)
    client.force_login(alice)
    key = str(client.session.session_key)
    UserSession.objects.create(user=alice, ip="192.0.2.1", session_key=key, user_agent="Firefox")
    made = exported(alice)
    account = json.loads(made.read("account.json"))
    assert [factor["type"] for factor in account["second_factors"]] == ["totp", "recovery_codes"]
    [place] = account["sessions"]
    assert set(place) == {"created_at", "last_seen_at", "ip", "user_agent"}
    everything = b"".join(made.read(name) for name in made.namelist()).decode(errors="replace")
    for hidden in (secret, *codes, key, alice.password):
        assert hidden not in everything


# Where each model's rows are in the export, or why they are not.
EXPORTED = {
    "User": "account.json",
    "Connection": "account.json",
    "AuditEntry": "account.json",
    "Workspace": "account.json",
    "Wallet": "account.json",
    "Event": "events.json",
    "Entry": "transactions.json",
    "Grant": "grants.json",
    "Hold": "holds.json",
    "Purchase": "purchases.json",
    "Project": "projects.json",
    "ProjectVersion": "versions.json",
    "Content": "stored/",
    "StorageEntry": "storage.json",
}
LEFT_OUT = {
    "AuditHead": "one row for all",
    "Allocation": "which grant paid what; both are there",
    "HoldAllocation": "the same of holds",
    "LooseObject": "what nobody shows any more",
    "SearchEntry": "the words of what is there",
    "Mail": "on its way; what it says is in the account already",
    "LoginLink": "a secret's hash that lives for a minute",
    "IdempotencyRecord": "an app's",
    "ChargeKey": "an app's name for what is in the transactions",
    "ClosedAccount": "of people who are gone",
    "ClosedAddress": "of people who are gone",
    "ImportedRow": "the importing command's",
    "IssuedCode": "codes without owners",
    "GrantBatch": "staff's",
    "ClientApp": "not a person's",
    "AppLogo": "not a person's",
    "ApiKey": "not a person's",
    "SigningKey": "not a person's",
    "Feed": "not a person's",
    "Price": "not a person's",
    "WebhookEndpoint": "not a person's",
    "WebhookDelivery": "how an app was told of an event; the events are there",
    "Package": "not a person's",
    "PaymentEvent": "the payment provider's words; what they did is in purchases and transactions",
    "Reversal": "which entry is of which purchase; both are there",
}


def test_every_model_is_in_it_or_says_why_not(rich: User) -> None:
    labels = ("accounts", "credits", "workspace")
    models = {model.__name__ for label in labels for model in apps.get_app_config(label).get_models()}
    assert models == EXPORTED.keys() | LEFT_OUT.keys()
    names = exported(rich).namelist()
    assert [place for place in EXPORTED.values() if not [name for name in names if name.startswith(place)]] == []


def test_is_read_by_a_program_that_has_never_heard_of_us(rich: User, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"".join(Export(rich).stream()))
    subprocess.run(["python3", "-m", "zipfile", "-e", "all.zip", "out"], cwd=tmp_path, check=True)
    checked = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS.txt"], cwd=tmp_path / "out", check=False)
    assert checked.returncode == 0


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "C:\\Windows\\con",
        "CON",
        "nul.txt",
        'a/b\\c:d*e?f"g<h>i|j',
        "trailing. ",
        "\u202egnp.exe",
        "𠀀" * 200,
        "é" * 200,
        "😀😀",
        "-rf",
        "़",
    ],
)
def test_no_title_makes_a_name_that_a_file_system_minds(alice: User, penora: ClientApp, title: str) -> None:
    code = save(alice, penora, title=title).project.code
    [name] = [name for name in exported(alice).namelist() if name.startswith("projects/")]
    folder, _, leaf = name.partition("/")
    assert folder == "projects"
    assert leaf.endswith(f"{code}.txt")
    assert not set(leaf) & set('/\\:*?"<>|')
    assert not any(ord(letter) < 32 or letter == "\u202e" for letter in leaf)
    assert not leaf.startswith(("-", ".", " "))
    assert leaf.split(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL"}
    assert len(leaf.encode()) <= 255
    assert leaf.count(".") == 1


def test_two_projects_of_one_title_are_two_files(alice: User, penora: ClientApp) -> None:
    first, second = save(alice, penora, 10, title="Same"), save(alice, penora, 20, title="same")
    names = [name for name in exported(alice).namelist() if name.startswith("projects/")]
    assert names == [f"projects/same-{made.project.code}.txt" for made in (first, second)]


def test_a_picture_is_jpeg_unless_that_would_lose_something(alice: User, imagegene: ClientApp) -> None:
    photo = Image.effect_noise((300, 300), 60).convert("RGB")
    out = io.BytesIO()
    photo.save(out, "PNG")
    kinds = {
        "photo": paint(alice, imagegene, out.getvalue(), "photo"),
        "clear": paint(alice, imagegene, transparent(), "clear"),
    }
    moving = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    kinds["moving"] = paint(alice, imagegene, moving.getvalue(), "moving")
    made = exported(alice)
    files = {row["title"]: row["file"] for row in rows_of(made, "projects")}
    assert {title: name.rsplit(".", 1)[1] for title, name in files.items()} == {
        "photo": "jpg",
        "clear": "png",
        "moving": "png",
    }
    assert Image.open(io.BytesIO(made.read(files["clear"]))).has_transparency_data
    assert Image.open(io.BytesIO(made.read(files["moving"]))).n_frames == 2


def test_what_was_deleted_while_it_was_made_is_named_and_the_rest_is_there(alice: User, penora: ClientApp) -> None:
    kept, lost = save(alice, penora, 10, title="Kept").project, save(alice, penora, 20, title="Lost").project
    chunks = []
    for chunk in (export := Export(alice)).stream():
        chunks.append(chunk)
        if "holds" in export.counts:
            with suppress(services.ProjectNotFound):
                services.purge(user=alice, app=None, project_code=lost.code)
    made = zipfile.ZipFile(io.BytesIO(b"".join(chunks)))
    assert {row["project_code"]: row["file"] for row in rows_of(made, "projects")} == {
        kept.code: f"projects/kept-{kept.code}.txt",
        lost.code: None,
    }
    assert [row["project_code"] for row in json.loads(made.read("manifest.json"))["left_out"]] == [lost.code]


def test_a_picture_that_cannot_be_read_is_still_there_as_stored(alice: User, imagegene: ClientApp) -> None:
    project = paint(alice, imagegene)
    rotten = b"\0\0\0\x1cftypavif rotten"
    project.content.data = rotten
    project.content.save()
    Project.objects.filter(pk=project.pk).update(content_hash=hashlib.sha256(rotten).hexdigest())
    made = exported(alice)
    [row] = rows_of(made, "projects")
    assert made.read(row["stored_file"]) == rotten
    assert json.loads(made.read("manifest.json"))["left_out"][0]["why"].startswith("The picture cannot be read")


def test_a_person_who_has_done_nothing_yet_has_an_export(bob: User) -> None:
    made = exported(bob)
    assert rows_of(made, "projects") == []
    assert made.testzip() is None


def test_the_first_bytes_come_before_anything_is_read(rich: User, django_assert_num_queries) -> None:
    stream = Export(rich).stream()
    with django_assert_num_queries(0):
        assert next(stream).startswith(b"PK")
    stream.close()


@pytest.mark.django_db(transaction=True)
def test_a_slow_reader_keeps_nobody_waiting(alice: User, penora: ClientApp) -> None:
    """Between any two chunks no transaction and no connection is open, so others write meanwhile."""
    for number in range(3):
        save(alice, penora, 1_000, title=f"Page {number}")
    writes = 0
    for _ in Export(alice).stream():
        assert connection.connection is None or not connection.in_atomic_block
        worker = threading.Thread(target=_write, args=(alice, penora))
        worker.start()
        worker.join(timeout=10)
        assert not worker.is_alive()
        writes += 1
    assert writes > 10


def _write(user: User, app: ClientApp) -> None:
    try:
        credits.charge(user=user, app=app, amount=1)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_credits_and_projects_in_it_are_of_one_moment(alice: User, penora: ClientApp) -> None:
    """A save that is paid for while the export runs is in both lists or in neither."""
    chunks = []
    for chunk in Export(alice).stream():
        chunks.append(chunk)
        save(alice, penora, 10, charge={"amount": 1})
    made = zipfile.ZipFile(io.BytesIO(b"".join(chunks)))
    used = [row["project_code"] for row in rows_of(made, "transactions") if row["transaction_type"] == "used"]
    assert used == [row["project_code"] for row in rows_of(made, "projects")] != []
    assert json.loads(made.read("account.json"))["credits_balance"] == 60 - len(used)


def test_memory_does_not_grow_with_what_is_exported() -> None:
    made = ZipStream(timezone.now())
    tracemalloc.start()
    for _ in made.add("large.bin", (bytes(100_000) for _ in range(300))):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    made.close()
    assert peak < 2_000_000


def test_the_command_writes_a_private_file_twice_the_same(rich: User, tmp_path: Path) -> None:
    target = tmp_path / "alice.zip"
    assert run("export_user", "alice", "--output", target)[0] == 0
    status, said = run("export_user", "alice", "--output", target)
    assert status == 0
    assert "3 projects" in said
    assert "3 transactions" in said
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert zipfile.ZipFile(target).testzip() is None
    assert list(tmp_path.iterdir()) == [target]


def test_the_command_refuses_whom_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no user nobody"):
        run("export_user", "nobody")


def test_the_command_says_where_it_cannot_write(alice: User, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_user", "alice", "--output", tmp_path / "missing" / "x.zip")


def test_it_waits_when_the_machine_is_busy_with_pictures(
    alice: User, imagegene: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(alice, imagegene)
    monkeypatch.setattr(export_files, "TRY_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(gate, "present", 10_000)
    threading.Timer(0.2, lambda: setattr(gate, "present", 0)).start()
    made = exported(alice)
    assert json.loads(made.read("manifest.json"))["left_out"] == []
