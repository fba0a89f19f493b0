"""What a charge writes, in bare SQL: the floor under every ledger that keeps these rows.

One text serves the drivers and pgbench: `:name` is a variable, and what a statement returns are variables for the
next."""

import os
import re
import sqlite3
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.rows import dict_row

from tests.run import program

Variables = Mapping[str, int]

PGBENCH_CLIENTS = 16  # as many as the server has threads

_HASH = "0123456789abcdef" * 4
_FACT = (
    '{"amount": -1, "credits": 59, "app_name": "penora", "credits_held": 0, "transaction_id": "txn_00",'
    ' "credits_balance": 59, "transaction_type": "used"}'
)
_WALLET = f"""UPDATE credits_wallet SET balance = balance - 1, version = version + 1, head_hash = '{_HASH}'
WHERE user_id = :wallet AND balance - held >= 1"""
_GRANT = "UPDATE credits_grant SET remaining = remaining - 1 WHERE wallet_id = :wallet AND remaining > held"
_ENTRY = """INSERT INTO credits_entry (id, wallet_id, version, app_id, transaction_type, amount, balance_after,
description, project_code, created_at, hash)"""
_ENTRY_END = f":app, 'used', -1, {{balance}}, 'A page', '', CURRENT_TIMESTAMP, '{_HASH}'"
_ALLOCATION = "INSERT INTO credits_allocation (entry_id, grant_id, amount)"
_EVENT = "INSERT INTO accounts_event (user_id, type, data, created_at)"
_EVENT_END = f"'credits.changed', '{_FACT}', CURRENT_TIMESTAMP"


def five_statements() -> list[str]:
    """Wallet, grant, entry, allocation and event, one after the other; a transaction goes round them."""
    entry = f"{_new_id()}, :wallet, :version, {_ENTRY_END.format(balance=':balance')}"
    return [
        f"{_WALLET} RETURNING version, balance",
        f"{_GRANT} RETURNING id AS granted",
        f"{_ENTRY} VALUES ({entry}) RETURNING id AS entry",
        f"{_ALLOCATION} VALUES (:entry, :granted, -1)",
        f"{_EVENT} VALUES (:wallet, {_EVENT_END})",
    ]


def one_statement() -> list[str]:
    """The same five writes as one statement, which PostgreSQL can and SQLite cannot."""
    entry = f"{_new_id()}, user_id, version, {_ENTRY_END.format(balance='balance')}"
    statement = f"""
WITH paid AS ({_WALLET} RETURNING user_id, version, balance),
drawn AS ({_GRANT} RETURNING id),
entry AS ({_ENTRY} SELECT {entry} FROM paid RETURNING id),
part AS ({_ALLOCATION} SELECT entry.id, drawn.id, -1 FROM entry, drawn)
{_EVENT} SELECT user_id, {_EVENT_END} FROM paid"""
    return [statement.strip()]


def _new_id() -> str:
    return "'txn_' || gen_random_uuid()" if connection.vendor == "postgresql" else "'txn_' || hex(randomblob(13))"


def runner(statements: Sequence[str], variables: Variables) -> Callable[[int], None]:
    """Runs the statements as one transaction, so many times, on a connection of its own straight through the driver."""
    run = _on_postgres if connection.vendor == "postgresql" else _on_sqlite
    return run(statements, variables)


def with_named_parameters(statements: Sequence[str]) -> list[str]:
    """The statements as psycopg and Django want them."""
    return [re.sub(r":([a-z]+)", r"%(\1)s", text) for text in statements]


def _on_postgres(statements: Sequence[str], variables: Variables) -> Callable[[int], None]:
    opened = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)
    texts = with_named_parameters(statements)

    def run(calls: int) -> None:
        for _ in range(calls):
            known: dict[str, Any] = dict(variables)
            with opened.transaction():
                for text in texts:
                    cursor = opened.execute(text, known)
                    known |= (cursor.description and cursor.fetchone()) or {}

    return run


def _on_sqlite(statements: Sequence[str], variables: Variables) -> Callable[[int], None]:
    database = settings.DATABASES["default"]
    opened = sqlite3.connect(database["NAME"], isolation_level=None, timeout=20)
    opened.executescript(database["OPTIONS"]["init_command"])
    opened.row_factory = sqlite3.Row

    def run(calls: int) -> None:
        for _ in range(calls):
            known: dict[str, Any] = dict(variables)
            opened.execute("BEGIN IMMEDIATE")
            for text in statements:
                for row in opened.execute(text, known).fetchall():
                    known |= dict(row)
            opened.execute("COMMIT")

    return run


def pgbench(statements: Sequence[str], first_wallet: int, app: int) -> Callable[[int], float] | None:
    """Runs the statements with pgbench on 16 connections, each with a wallet of its own, counted from the first.

    None where pgbench is not installed. Returns the seconds by pgbench's clock, which leaves connecting out."""
    found = program("pgbench")
    if found is None or connection.vendor != "postgresql":
        return None
    variables = f"-D first={first_wallet} -D app={app}".split()
    options = f"--no-vacuum --protocol=prepared --jobs=2 --client={PGBENCH_CLIENTS}".split()
    script = _pgbench_script(statements)

    def run(calls: int) -> float:
        with TemporaryDirectory() as home:
            path = Path(home) / "charge.sql"
            path.write_text(script)
            command = [found, *options, *variables, f"--file={path}", f"--transactions={calls // PGBENCH_CLIENTS}"]
            done = subprocess.run([*command, os.environ["DATABASE_URL"]], capture_output=True, text=True, check=True)
        said = re.search(r"tps = ([\d.]+)", done.stdout)
        if said is None:
            raise RuntimeError(f"pgbench said no rate: {done.stdout}")
        return calls / float(said[1])

    return run


def _pgbench_script(statements: Sequence[str]) -> str:
    r"""One transaction; `\gset` in the place of a semicolon keeps what a statement returns."""
    ends = [r" \gset" if re.search(r"RETURNING [^()]*$", text) else ";" for text in statements]
    lines = [text.replace("\n", " ") + end for text, end in zip(statements, ends, strict=True)]
    return "\n".join([r"\set wallet :first + :client_id", "BEGIN;", *lines, "END;"])
