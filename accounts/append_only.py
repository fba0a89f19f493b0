"""Triggers that forbid changing or deleting rows that were written for good, on both databases.

The words of a row may be erased, which is not the same as changed; what they said is in its hash chain."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

POSTGRES_FUNCTION = """CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""


@dataclass(frozen=True)
class Guarded:
    """A table whose rows stay. `key` is unique; `erasable` is a column and what its new value must be."""

    key: tuple[str, ...]
    erasable: tuple[str, str] | None = None


_tables: dict[str, Guarded] = {}


def protect(table: str, *, key: tuple[str, ...], erasable: tuple[str, str] | None = None) -> None:
    """Have a table guarded. Called once, when its app is loaded."""
    _tables[table] = Guarded(key, erasable)


def install(using: str = "default") -> None:
    """Make every trigger anew; tables that do not exist yet are left for the next migrate."""
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
        for name, table, body in _triggers(connection):
            cursor.execute(_drop(connection, name, table))
            cursor.execute(_create(connection, name, table, body))


def remove(using: str = "default") -> None:
    """Drop the triggers: only a test that empties its database between runs has a reason to."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for name, table, _ in _triggers(connection):
            cursor.execute(_drop(connection, name, table))


def missing(using: str = "default") -> list[str]:
    """Names of the triggers that should be there and work, and do not."""
    connection = connections[using]
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {row[0] for row in cursor.fetchall()}
    return [name for name, _, _ in _triggers(connection) if name not in found]


def _triggers(connection: BaseDatabaseWrapper) -> Iterator[tuple[str, str, str]]:
    """Name, table and beginning of each trigger that the tables of this database need."""
    present = set(connection.introspection.table_names())
    for table, guarded in sorted(_tables.items()):
        if table not in present:
            continue
        column, allowed = guarded.erasable or ("", "")
        with connection.cursor() as cursor:
            columns = [info.name for info in connection.introspection.get_table_description(cursor, table)]
        fixed = ", ".join(name for name in columns if name != column)
        each = "FOR EACH ROW"
        yield f"{table}_no_update", table, f"BEFORE UPDATE OF {fixed} ON {table} {each}"
        yield f"{table}_no_delete", table, f"BEFORE DELETE ON {table} {each}"
        if guarded.erasable:
            yield f"{table}_no_rewrite", table, f"BEFORE UPDATE OF {column} ON {table} {each} WHEN (NOT ({allowed}))"
        if connection.vendor == "postgresql":
            yield f"{table}_no_truncate", table, f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        else:
            yield f"{table}_no_replace", table, f"BEFORE INSERT ON {table} {each} WHEN {_taken(table, guarded)}"


def _taken(table: str, guarded: Guarded) -> str:
    """Whether the new row would replace another: INSERT OR REPLACE deletes without asking the delete trigger."""
    same = " AND ".join(f"{name} = NEW.{name}" for name in guarded.key)
    return f"EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR ({same}))"  # noqa: S608 - our own names


def _create(connection: BaseDatabaseWrapper, name: str, table: str, beginning: str) -> str:
    if connection.vendor == "postgresql":
        return f"CREATE TRIGGER {name} {beginning} EXECUTE FUNCTION append_only()"
    return f"CREATE TRIGGER {name} {beginning} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"


def _drop(connection: BaseDatabaseWrapper, name: str, table: str) -> str:
    return f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if connection.vendor == "postgresql" else "")
