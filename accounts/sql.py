"""Statements written by hand, for the few paths where the ORM's cost per query is most of the time.

PostgreSQL takes several statements in one message, and keeps the plans of those that recur with the connection; SQLite,
to which nothing travels, takes them one by one."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.base import ModelState
from psycopg.adapt import Transformer
from psycopg.pq import TransactionStatus

# The text with a %s for each value, and the values.
Statement = tuple[str, Sequence[Any]]
Row = tuple[Any, ...]
Loaded = TypeVar("Loaded", bound=models.Model)

ON_SQLITE = connections.settings[DEFAULT_DB_ALIAS]["ENGINE"].endswith("sqlite3")

# What SQLite takes in one statement by default is 32,766.
MOST_VALUES = 30_000
# Longer ones are of batches: of any length, so that hardly any comes twice.
LONGEST_PREPARED = 40
# What each connection has prepared: by its text, the call of a statement.
_prepared: "WeakKeyDictionary[Any, dict[str, str]]" = WeakKeyDictionary()
# The cursor that each of Django's connections keeps: a new one for every message is a tenth of a charge's Python.
_cursors: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()


def read(*statements: Statement) -> list[list[Row]]:
    """Run queries in order inside the open transaction; returns the rows of each.

    Each sees what is committed when its turn comes, in one message as much as in several: what stands behind a lock
    sees what the lock was waiting for."""
    if ON_SQLITE:
        with connection.cursor() as cursor:
            return [cursor.execute(text, values).fetchall() for text, values in statements]
    cursor = _kept_cursor()
    begun = _send(cursor, statements)
    # The driver's own: all answers are here, and Django's cursor would guard each step anew.
    answers = cursor.cursor
    if begun:
        answers.nextset()
    found = [answers.fetchall()]
    for _ in statements[1:]:
        answers.nextset()
        found.append(answers.fetchall())
    return found


def write(*statements: Statement, last: bool = False) -> None:
    """Run statements that return nothing, in order, inside the open transaction.

    The `last` ones, behind which the transaction runs nothing else, take COMMIT along where it is theirs to end."""
    if ON_SQLITE:
        with connection.cursor() as cursor:
            for text, values in statements:
                cursor.execute(text, values)
    else:
        _send(_kept_cursor(), statements, ends=last and not connection.savepoint_ids)


def _kept_cursor() -> Any:
    """Django's cursor around one of the driver's that stays with its connection, which the open transaction has."""
    db = connections[DEFAULT_DB_ALIAS]
    kept = _cursors.get(db)
    if kept is None or kept.connection is not db.connection:
        kept = _cursors[db] = db.create_cursor()
    return db.make_debug_cursor(kept) if db.queries_logged else db.make_cursor(kept)


def _send(cursor: Any, statements: Sequence[Statement], ends: bool = False) -> bool:
    """Send the statements as one message; says whether BEGIN went before them, whose answer comes first."""
    raw = cursor.db.connection
    known = _prepared.setdefault(raw, {})
    texts: list[str] = []
    values: list[Any] = []
    for text, own in statements:
        if text not in known and len(own) <= LONGEST_PREPARED:
            known[text] = _prepare(cursor, text)
        texts.append(known.get(text, text))
        values += own
    begins = _begins(cursor.db)
    if begins:
        texts.insert(0, "BEGIN")
    if ends:
        texts.append("COMMIT")
    cursor.execute(_filled("; ".join(texts), values, raw))
    return begins


def _filled(text: str, values: Sequence[Any], raw: Any) -> str:
    """The message with its values quoted by psycopg, which would look for each place of a batch much longer."""
    quoted = Transformer(raw).as_literal
    return text % tuple(
        ["NULL" if one is None else str(one) if type(one) is int else quoted(one).decode() for one in values]
    )


def _prepare(cursor: Any, text: str) -> str:
    """Have the connection keep the plan of `text`; returns the call of it."""
    name = f"unified_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    count = text.count("%s")
    cursor.execute(f"PREPARE {name} AS {text % tuple(f'${number}' for number in range(1, count + 1))}")
    return f"EXECUTE {name} ({', '.join(['%s'] * count)})"


def _begins(db: Any) -> bool:
    """Whether the transaction that Django means to be in begins only now. Then BEGIN is ours to send: psycopg, unless
    it is told that nobody wants a transaction, would send it alone and wait for the answer."""
    raw = db.connection
    begins: bool = db.in_atomic_block and raw.pgconn.transaction_status == TransactionStatus.IDLE
    if begins:
        raw.autocommit = True
    return begins


def insert(model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row]) -> list[Statement]:
    """The INSERT of rows in their order; the key of each is among the columns or left to the database."""
    return [_insert(model, columns, part) for part in parts(rows, len(columns))]


def parts(rows: Sequence[Any], columns: int) -> list[Sequence[Any]]:
    """The rows, as many at a time as a statement has room for. There is almost always room for all of them."""
    most = MOST_VALUES // columns
    return [rows[first : first + most] for first in range(0, len(rows), most)]


def _insert(model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row]) -> Statement:
    head, times, documents = _head(model, columns)
    values = [value for row in rows for value in row]
    for place in times:
        for index in range(place, len(values), len(columns)):
            values[index] = moment(values[index])
    for place in documents:
        for index in range(place, len(values), len(columns)):
            values[index] = json.dumps(values[index])
    return f"{head} VALUES {places(len(rows), len(columns))}", values


@cache
def _head(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, list[int], list[int]]:
    """How the statement begins, and where times and JSON stand in a row."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    times = [place for place, name in enumerate(columns) if isinstance(fields[name], models.DateTimeField)]
    documents = [place for place, name in enumerate(columns) if isinstance(fields[name], models.JSONField)]
    names = ", ".join(f'"{fields[name].column}"' for name in columns)
    return f'INSERT INTO "{model._meta.db_table}" ({names})', times, documents


def loaded(model: type[Loaded], said: dict[str, Any], **related: models.Model | None) -> Loaded:
    """The row that says `said` by column, and what it refers to where that is at hand: what Django's `from_db` makes,
    without the signals and defaults that take most of its time."""
    row = model.__new__(model)
    row.__dict__.update(said)
    row._state = ModelState()
    row._state.adding, row._state.db, row._state.fields_cache = False, DEFAULT_DB_ALIAS, related
    return row


@cache
def columns_of(model: type[models.Model]) -> tuple[str, ...]:
    """Every column that a row of `model` is made of, in the model's order."""
    return tuple(field.attname for field in model._meta.concrete_fields if not field.generated)


# Of a batch there may be a thousand lengths.
@lru_cache(32)
def places(rows: int, columns: int, place: str = "%s") -> str:
    """The places of the values in a list of rows."""
    row = f"({', '.join([place] * columns)})"
    return ", ".join([row] * rows)


def moment(at: Any) -> Any:
    """A time as the database is given it."""
    return connection.ops.adapt_datetimefield_value(at) if ON_SQLITE else at
