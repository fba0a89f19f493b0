"""Takes over the SQLite database of the earlier system: its users with their credits, and their projects.

The old transactions are not replayed: they were never a ledger, need not add up to the balance beside them, and entries
here cannot be taken back. Instead a wallet opens with the old balance as one base entry, "Imported balance", and
the 10 bonus credits that existing users are owed. Every row is taken over whole or not at all, and once.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from rest_framework.exceptions import ValidationError

from accounts.errors import DomainError, InvalidField
from accounts.fields import JsonObject, Text, in_order
from accounts.models import ClientApp, User
from accounts.strict_json import flaw_of
from credits import services as credits
from workspace import content, services
from workspace.models import CODE_ALPHABET, Cause, ImportedRow, ProjectType
from workspace.serializers import LONGEST_TITLE, CreateUserSerializer

# What one grant can hold; far above anything the earlier system could sell.
LARGEST_BALANCE = 2_000_000_000
USERS = ("user_id", "username", "email", "credits", "storage_limit_bytes")
PROJECTS = ("user_id", "project_code", "app_source", "project_type", "title", "content", "metadata")
Row = dict[str, Any]
Say = Callable[[str], None]


class LegacyUnreadable(Exception):
    """The file is not the earlier system's database."""


class Skipped(Exception):
    """Why a row cannot be taken over."""


@dataclass(slots=True)
class Tally:
    """What an import did, in rows and credits."""

    users: int = 0
    credits: int = 0
    projects: int = 0
    new_codes: int = 0
    already: int = 0
    skipped: int = 0
    transactions: int = 0


def import_file(path: Path, say: Say) -> Tally:
    """Take over everything in the database at `path` that was not before; `say` hears of each row that is skipped.

    Raises LegacyUnreadable when a table or column is missing; then nothing was taken over."""
    tally = Tally()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as old:
            # Text may be broken in files of that age: it is decoded row by row, so that one row is skipped, not all.
            old.text_factory = bytes
            tally.transactions = old.execute("SELECT count(*) FROM unified_transactions").fetchone()[0]
            users, projects = _rows(old, "unified_users", USERS), _rows(old, "unified_projects", PROJECTS)
            for row in users:
                _take(row, f"user {_shown(row['user_id'])}", _user, tally, say)
            for row in projects:
                name = f"project {_shown(row['project_code'])} of {_shown(row['user_id'])}"
                _take(row, name, _project, tally, say)
    except sqlite3.Error as error:
        raise LegacyUnreadable(f"{path} cannot be read: {error}.") from None
    return tally


def _rows(old: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> Iterator[Row]:
    # Prepared at once, so that a missing table or column is known before anything is written.
    cursor = old.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid")  # noqa: S608 - our own names
    return (dict(zip(columns, row, strict=True)) for row in cursor)


def _take(row: Row, name: str, take: Callable[[Row, str, Tally], None], tally: Tally, say: Say) -> None:
    if ImportedRow.objects.filter(name=name).exists():
        tally.already += 1
        return
    try:
        take(row, name, tally)
    except Skipped as reason:
        _skip(name, str(reason), tally, say)
    except DomainError as refusal:
        _skip(name, refusal.detail, tally, say)
    except ValidationError as error:
        _skip(name, json.dumps(error.detail), tally, say)


def _skip(name: str, why: str, tally: Tally, say: Say) -> None:
    tally.skipped += 1
    say(f"{name} was skipped: {why}")


def _user(row: Row, name: str, tally: Tally) -> None:
    person = CreateUserSerializer(data={column: _text(row, column) for column in ("user_id", "username", "email")})
    person.is_valid(raise_exception=True)
    known = person.validated_data
    balance = _whole(row, "credits", 0, LARGEST_BALANCE)
    limit = _whole(row, "storage_limit_bytes", 1, 2**50)
    with transaction.atomic():
        if User.objects.filter(user_id=known["user_id"]).exists():
            raise Skipped("this user_id already has an account here; nothing was added to it.")
        if User.objects.filter(email=known["email"]).exists():
            raise Skipped(f"the email {known['email']} belongs to another user here.")
        user = User.objects.create_user(known["email"], known["username"], user_id=known["user_id"])
        wallet = credits.open_imported(user=user, balance=balance, bonus=settings.SIGNUP_BONUS_CREDITS)
        services.set_limit(user=user, limit_bytes=limit)
        ImportedRow.objects.create(name=name)
    tally.users += 1
    tally.credits += wallet.balance


def _project(row: Row, name: str, tally: Tally) -> None:
    owner = _text(row, "user_id")
    user = User.objects.filter(user_id=owner).first()
    if user is None or not ImportedRow.objects.filter(name=f"user {_shown(row['user_id'])}").exists():
        raise Skipped("its user was not imported.")
    app = ClientApp.objects.filter(slug=_text(row, "app_source")).first()
    if app is None:
        raise Skipped("there is no such app here.")
    kind = _text(row, "project_type")
    if kind not in ProjectType.values:
        raise Skipped(f"project_type must be one of {', '.join(ProjectType.values)}.")
    title = Text(max_length=LONGEST_TITLE, trim=True).run_validation(in_order(_text(row, "title")))
    metadata = _metadata(row)
    prepared = content.prepare(project_type=kind, content=_content(row, kind), user=user)
    code = _text(row, "project_code")
    wanted = code if re.fullmatch(f"[{CODE_ALPHABET}]{{6}}", code) else ""
    with transaction.atomic():
        saved = services.save_project(
            user=user,
            app=app,
            project_type=kind,
            title=title,
            prepared=prepared,
            metadata=metadata,
            wanted_code=wanted,
            cause=Cause.IMPORTED,
        )
        ImportedRow.objects.create(name=name)
    tally.projects += 1
    tally.new_codes += saved.project.code != code


def _content(row: Row, kind: str) -> str | bytes:
    """Text as text; a picture as base64 when it is text, else as its bytes."""
    raw = row["content"]
    if not isinstance(raw, bytes) or not raw:
        raise Skipped("it has no content.")
    if kind != ProjectType.TEXT and not raw.isascii():
        return raw
    text = _text(row, "content")
    flaw = flaw_of(text)
    if flaw is not None:
        raise InvalidField("content", str(flaw))
    return text


def _metadata(row: Row) -> dict[str, Any]:
    if row["metadata"] in (None, b""):
        return {}
    try:
        found = json.loads(_text(row, "metadata"))
    except (ValueError, RecursionError):
        raise Skipped("its metadata is not JSON.") from None
    checked: dict[str, Any] = JsonObject().run_validation(found)
    return checked


def _text(row: Row, column: str) -> str:
    raw = row[column]
    if raw is None:
        raise Skipped(f"its {column} is missing.")
    try:
        return raw.decode() if isinstance(raw, bytes) else str(raw)
    except UnicodeDecodeError:
        raise Skipped(f"its {column} is not valid UTF-8.") from None


def _whole(row: Row, column: str, least: int, most: int) -> int:
    value = row[column]
    if not isinstance(value, int) or not least <= value <= most:
        raise Skipped(f"its {column} is not a whole number from {least:,} to {most:,}.")
    return value


def _shown(raw: Any) -> str:
    """A name as it is reported and remembered, whatever the bytes."""
    name = raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else str(raw)
    return name.replace("\x00", "\\x00")[:150]
