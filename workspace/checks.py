"""System checks that the database can search, and that its full-text index is there."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from workspace import search_index


@register(Tags.database)
def full_text_search(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """`manage.py check --database default` fails where nothing could be searched."""
    return [fault for alias in databases or () for fault in (*_without_fts5(alias), *_missing_parts(alias))]


def _without_fts5(alias: str) -> list[CheckMessage]:
    if connections[alias].vendor != "sqlite":
        return []
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')")
        if cursor.fetchone()[0]:
            return []
    hint = "Use a Python whose SQLite has FTS5, as nearly all have, or PostgreSQL."
    return [Error("This SQLite was built without FTS5.", hint=hint, id="workspace.E001")]


def _missing_parts(alias: str) -> list[CheckMessage]:
    return [
        Error(f"{name} is missing from the full-text index.", hint="Run `manage.py migrate`.", id="workspace.E002")
        for name in search_index.missing(alias)
    ]
