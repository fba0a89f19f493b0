"""Triggers that forbid changing or deleting what the ledger wrote, on both databases."""

from django.db import connections

TABLES = ("credits_entry", "credits_allocation")

SQLITE = """CREATE TRIGGER IF NOT EXISTS {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

POSTGRES_FUNCTION = """CREATE OR REPLACE FUNCTION credits_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""
POSTGRES = """CREATE OR REPLACE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
FOR EACH ROW EXECUTE FUNCTION credits_append_only()"""


def install(using: str = "default") -> None:
    """Create the triggers that are missing; tables that do not exist yet are left for the next migrate."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    template = SQLITE if connection.vendor == "sqlite" else POSTGRES
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
        for table in sorted(present.intersection(TABLES)):
            for verb in ("update", "delete"):
                cursor.execute(template.format(table=table, verb=verb))


def remove(using: str = "default") -> None:
    """Drop the triggers: only a test that empties its database between runs has a reason to."""
    connection = connections[using]
    suffix = " ON {table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for table in TABLES:
            for verb in ("update", "delete"):
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}" + suffix.format(table=table))


def missing(using: str = "default") -> list[str]:
    """Names of the triggers that should be there and are not."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {row[0] for row in cursor.fetchall()}
    wanted = [f"{table}_no_{verb}" for table in TABLES if table in present for verb in ("update", "delete")]
    return [name for name in wanted if name not in found]
