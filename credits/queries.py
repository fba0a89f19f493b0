"""The ledger's statements, for any number of wallets at once: locks, what can be spent, and what a write changes."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from accounts import sql
from credits.models import Hold, Wallet

WALLET_COLUMNS = sql.columns_of(Wallet)
NUMBER, TEXT = "CAST(%s AS bigint)", "CAST(%s AS text)"
# In a list of values PostgreSQL needs to be told what is a time; to SQLite it is a text anyway.
TIME = "%s" if sql.ON_SQLITE else "CAST(%s AS timestamptz)"


def lock_wallets(users: Sequence[int], app: int | None) -> sql.Statement:
    """Each wallet's columns and the daily cap of `app`, locked in the order of the keys, so that nobody deadlocks."""
    return _lock_wallets(len(users)), [app, *users]


@lru_cache(32)
def _lock_wallets(count: int) -> str:
    return f"""SELECT {", ".join(WALLET_COLUMNS)},
            (SELECT daily_cap FROM accounts_connection WHERE accounts_connection.user_id = credits_wallet.user_id
             AND app_id = %s)
        FROM credits_wallet WHERE user_id IN {sql.places(1, count)} ORDER BY user_id
        {"" if sql.ON_SQLITE else "FOR UPDATE"}"""


def spendable(users: Sequence[int]) -> sql.Statement:
    """Wallet, grant and free credits of what can be spent, in burn order: priority, then what expires first (never
    last), then bonus before base before purchased, then oldest. In a settled wallet nothing free has expired."""
    return _spendable(len(users)), users


@lru_cache(32)
def _spendable(count: int) -> str:
    return f"""SELECT wallet_id, id, remaining - held FROM credits_grant
        WHERE wallet_id IN {sql.places(1, count)} AND NOT used_up AND remaining > held
        ORDER BY priority, expires_at NULLS LAST, rank, id"""


def move_grants(moved: Mapping[int, int]) -> list[sql.Statement]:
    """Add signed credits to what is left of each grant."""
    return _adding("credits_grant", "remaining", moved)


def hold_grants(moved: Mapping[int, int]) -> list[sql.Statement]:
    """Add signed credits to what is on hold of each grant."""
    return _adding("credits_grant", "held", moved)


def move_parts(moved: Mapping[int, int]) -> list[sql.Statement]:
    """Add signed credits to what holds keep of their grants, by the key of the allocation."""
    return _adding("credits_holdallocation", "amount", moved)


def _adding(table: str, column: str, moved: Mapping[int, int]) -> list[sql.Statement]:
    return [(_add(table, column, len(rows)), _flat(rows)) for rows in sql.parts(list(moved.items()), 2)]


@lru_cache(32)
def _add(table: str, column: str, count: int) -> str:
    return f"""WITH moved (id, amount) AS (VALUES {sql.places(count, 2, NUMBER)})
        UPDATE {table} SET {column} = {table}.{column} + moved.amount FROM moved WHERE {table}.id = moved.id"""


def save_hold(hold: Hold) -> sql.Statement:
    """Write how far a hold has come."""
    return (
        "UPDATE credits_hold SET captured = %s, status = %s, settled_at = %s WHERE id = %s",
        [hold.captured, str(hold.status), sql.moment(hold.settled_at), hold.pk],
    )


def save_wallets(wallets: Iterable[Wallet]) -> sql.Statement:
    """Write what the ledger changed in locked wallets, and nothing else."""
    rows = [(w.user_id, w.balance, w.held, w.version, w.head_hash, sql.moment(w.next_due_at)) for w in wallets]
    return _save_wallets(len(rows)), _flat(rows)


@lru_cache(32)
def _save_wallets(count: int) -> str:
    rows = ", ".join([f"({NUMBER}, {NUMBER}, {NUMBER}, {NUMBER}, {TEXT}, {TIME})"] * count)
    return f"""WITH fresh (user_id, balance, held, version, head_hash, next_due_at) AS (VALUES {rows})
        UPDATE credits_wallet SET balance = fresh.balance, held = fresh.held, version = fresh.version,
            head_hash = fresh.head_hash, next_due_at = fresh.next_due_at
        FROM fresh WHERE credits_wallet.user_id = fresh.user_id"""


def _flat(rows: Iterable[Sequence[object]]) -> list[object]:
    return [value for row in rows for value in row]
