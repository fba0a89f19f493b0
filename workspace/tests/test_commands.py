"""The workspace's commands: what they find wrong, what they take over from the earlier system, what they throw away."""

import base64
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from credits.models import Entry
from workspace import content, services
from workspace.models import Content, IssuedCode, Project, StorageEntry, Workspace
from workspace.tests.cast import picture, save, text_of

TABLES = """
CREATE TABLE unified_users (user_id TEXT PRIMARY KEY, username TEXT NOT NULL, email TEXT NOT NULL,
    credits INTEGER DEFAULT 60, storage_used_bytes INTEGER DEFAULT 0, storage_limit_bytes INTEGER DEFAULT 1048576);
CREATE TABLE unified_projects (user_id TEXT NOT NULL, project_code TEXT UNIQUE NOT NULL, app_source TEXT NOT NULL,
    project_type TEXT NOT NULL, title TEXT NOT NULL, content TEXT, metadata TEXT, file_size_bytes INTEGER DEFAULT 0);
CREATE TABLE unified_transactions (user_id TEXT NOT NULL, app_name TEXT NOT NULL, transaction_type TEXT NOT NULL,
    amount INTEGER NOT NULL, description TEXT, project_code TEXT);
INSERT INTO unified_users (user_id, username, email, credits) VALUES
    ('ann', 'Ann', 'Ann@Example.com', 42), ('ben', 'Ben', 'ben@example.com', 0),
    ('bad id', 'Bad', 'bad@example.com', 5), ('debt', 'Debt', 'debt@example.com', -3);
INSERT INTO unified_transactions VALUES ('ann', 'penora', 'used', 18, 'Pages', NULL);
"""


def run(name: str, *args: object) -> tuple[int, str]:
    """Exit status and output of a command."""
    out = StringIO()
    try:
        call_command(name, *map(str, args), stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def project(alice, penora):
    return save(alice, penora, prepared=content.prepare_text("Once upon a time. " * 200, "auto")).project


@pytest.fixture
def legacy(tmp_path):
    """The earlier system's database: two sound users, two broken ones, and projects of every kind."""
    path = tmp_path / "earlier system.db"
    png = base64.b64encode(picture()).decode()
    projects = [
        ("ann", "ABC234", "penora", "text", "A page", "Once upon a time", '{"chapter": 1}'),
        ("ann", "oil101", "imagegene", "ai_art", "A picture", f"data:image/png;base64,{png}", None),
        ("ann", "BRKN22", "imagegene", "image", "Broken", "not base64!", "{}"),
        ("ann", "META22", "penora", "text", "Odd metadata", "Text", "[1"),
        ("ann", "EMPT22", "penora", "text", "Empty", None, "{}"),
        ("ann", "APPX22", "otherapp", "text", "Other", "Text", "{}"),
        ("debt", "DEBT22", "penora", "text", "Of a skipped user", "Text", "{}"),
        ("ben", "LATN22", "penora", "text", "Not UTF-8", b"caf\xe9", "{}"),
    ]
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(TABLES)
        old.executemany("INSERT INTO unified_projects VALUES (?, ?, ?, ?, ?, ?, ?, 0)", projects)
    return path


def test_check_storage_passes_what_the_services_made(project, alice, imagegene):
    prepared = content.prepare(project_type="image", content=picture())
    services.save_project(user=alice, app=imagegene, project_type="image", title="Picture", prepared=prepared)
    assert run("check_storage") == (0, "1 workspaces, 2 entries, 2 projects, 0 faults.\n")


FAULTS = {
    "used bytes": (
        "UPDATE workspace_workspace SET used_bytes = used_bytes + 1",
        "workspace of alice: used_bytes is",
    ),
    "owner": (
        "UPDATE workspace_content SET user_id = (SELECT id FROM accounts_user WHERE user_id = 'bob')",
        "project {code}: its content belongs to somebody else",
    ),
    "hash": ("UPDATE workspace_project SET content_hash = 'x'", "project {code}: its content is not what was stored"),
    "content size": ("UPDATE workspace_content SET size_bytes = 99", "project {code}: its content is said to count 99"),
    "code": ("DELETE FROM workspace_issuedcode", "project {code}: its code was never issued"),
    "entry count": (
        "UPDATE workspace_workspace SET entry_count = 2",
        "workspace of alice: entry_count is 2, its statement says 1",
    ),
    "size": (
        "UPDATE workspace_project SET file_size_bytes = file_size_bytes + 1",
        "content {content}: has 450 bytes, its projects count 451",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_check_storage_names_the_row_that_does_not_add_up(project, bob, kind):
    statement, sentence = FAULTS[kind]
    with connection.cursor() as cursor:
        cursor.execute(statement)
    status, said = run("check_storage")
    assert status == 1
    assert sentence.format(code=project.code, content=project.content_id) in said


@pytest.mark.parametrize(
    ("number", "delta", "after", "sentence"),
    [
        (2, 1, 1, "workspace of alice: used_bytes is"),
        (3, 0, 0, "storage entry 3 of alice: number 3 where 2 should follow"),
        (2, 0, 1, "storage entry 2 of alice: used_after_bytes is"),
    ],
)
def test_check_storage_names_the_entry_that_does_not_add_up(project, number, delta, after, sentence):
    first = StorageEntry.objects.get()
    StorageEntry.objects.create(
        workspace=first.workspace,
        number=number,
        cause="saved",
        delta_bytes=delta,
        used_after_bytes=first.used_after_bytes + after,
    )
    status, said = run("check_storage")
    assert status == 1
    assert sentence in said


def test_check_storage_names_a_project_whose_owner_has_no_workspace(project, bob):
    Project.objects.update(user=bob)
    status, said = run("check_storage")
    assert status == 1
    assert f"project {project.code}: its owner has no workspace" in said


def test_check_storage_reads_the_bytes_themselves(project):
    data = bytes(Content.objects.get().data)
    Content.objects.update(data=data[:-1] + bytes([data[-1] ^ 1]))
    assert run("check_storage")[0] == 1


def test_purge_trash_deletes_what_has_lain_there_thirty_days(alice, penora):
    old, young = (save(alice, penora).project for _ in range(2))
    for made, days in ((old, 31), (young, 29)):
        services.trash(user=alice, app=penora, project_code=made.code)
        Project.objects.filter(pk=made.pk).update(trashed_at=timezone.now() - timedelta(days=days))
    assert run("purge_trash")[1] == "1 projects purged, 100 bytes freed.\n"
    assert list(Project.objects.values_list("code", flat=True)) == [young.code]
    assert run("purge_trash")[1] == "0 projects purged, 0 bytes freed.\n"


def test_import_takes_over_users_balances_and_projects_once(legacy, penora):
    status, said = run("import_legacy", legacy)
    assert status == 0
    assert "2 users with 62 credits and 2 projects imported (1 under a new code); 0 were imported before" in said
    assert "1 old transactions" in said
    ann = User.objects.get(user_id="ann")
    entries = Entry.objects.owned_by(ann).order_by("version").values_list("transaction_type", "amount", "description")
    assert list(entries) == [("base", 42, "Imported balance"), ("bonus", 10, "Bonus for existing users")]
    assert ann.email == "ann@example.com"
    page = Project.objects.get(code="ABC234")
    assert (content.text_of(page), page.metadata, page.app) == ("Once upon a time", {"chapter": 1}, penora)
    art = Project.objects.get(project_type="ai_art")
    assert (art.title, art.width, art.height) == ("A picture", 64, 48)
    assert art.code != "oil101"
    again = run("import_legacy", legacy)[1]
    assert "0 users with 0 credits and 0 projects imported (0 under a new code); 4 were imported before" in again
    assert Entry.objects.count() == 3
    assert run("check_ledger")[0] == run("check_storage")[0] == 0


@pytest.mark.parametrize(
    "sentence",
    [
        "user bad id was skipped",
        "user debt was skipped: its credits is not a whole number",
        "project BRKN22 of ann was skipped: The picture is not valid base64",
        "project META22 of ann was skipped: its metadata is not JSON",
        "project EMPT22 of ann was skipped: it has no content",
        "project APPX22 of ann was skipped: there is no such app",
        "project DEBT22 of debt was skipped: its user was not imported",
        "project LATN22 of ben was skipped: its content is not valid UTF-8",
    ],
)
def test_import_names_what_it_skips(legacy, penora, sentence):
    assert sentence in run("import_legacy", legacy)[1]


def test_import_leaves_nothing_of_a_skipped_row(legacy, penora):
    run("import_legacy", legacy)
    assert set(User.objects.values_list("user_id", flat=True)) == {"ann", "ben"}
    assert IssuedCode.objects.count() == Project.objects.count() == Content.objects.count() == 2


def test_import_adds_nothing_to_somebody_who_is_here_already(legacy, alice):
    with closing(sqlite3.connect(legacy)) as old, old:
        old.execute("UPDATE unified_users SET user_id = 'alice' WHERE user_id = 'ann'")
        old.execute("UPDATE unified_users SET email = 'Alice@example.com' WHERE user_id = 'ben'")
    said = run("import_legacy", legacy)[1]
    assert "user alice was skipped: this user_id already has an account here" in said
    assert "user ben was skipped: the email alice@example.com belongs to another user" in said
    assert not Project.objects.exists()


def test_import_gives_a_new_code_where_the_old_one_is_taken(legacy, alice, penora):
    services.save_project(
        user=alice, app=penora, project_type="text", title="First", prepared=text_of(10), wanted_code="ABC234"
    )
    assert "(2 under a new code)" in run("import_legacy", legacy)[1]
    assert Project.objects.get(code="ABC234").user == alice


def test_import_skips_what_does_not_fit_in_the_old_limit(legacy, penora):
    with closing(sqlite3.connect(legacy)) as old, old:
        old.execute("UPDATE unified_users SET storage_limit_bytes = 20")
    said = run("import_legacy", legacy)[1]
    assert "project oil101 of ann was skipped: This needs" in said
    assert Workspace.objects.get(user__user_id="ann").used_bytes == len("Once upon a time")


@pytest.mark.parametrize("make", ["CREATE TABLE other (x)", TABLES.replace("metadata TEXT,", "")])
def test_import_refuses_another_kind_of_database(tmp_path, db, make):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(make)
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_legacy", path)
    assert not User.objects.exists()


def test_import_refuses_a_file_that_is_not_there(tmp_path, db):
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_legacy", tmp_path / "missing.db")
    assert json.dumps([entry.name for entry in tmp_path.iterdir()]) == "[]"
