"""Years of charges, written in one go."""

from collections import Counter

from django.db import connection, transaction

from accounts import sql
from accounts.models import User
from benchmarks import people
from credits import ledger, queries
from credits.models import Allocation, Entry, EntryType, Grant, Wallet

# Entries in one statement.
CHUNK = 2_000
# A minute between one entry and the next, so that a million of them are two busy years.
_SQL = {
    "postgresql": {
        "id": "'txn_' || lpad(CAST(i AS text), 26, '0')",
        "hash": "md5(CAST(i AS text)) || md5(CAST(-i AS text))",
        "at": "now() - ({count} - i) * interval '1 minute'",
    },
    "sqlite": {
        "id": "'txn_' || printf('%026d', i)",
        "hash": "lower(hex(randomblob(32)))",
        "at": "datetime('now', '-' || ({count} - i) || ' minutes')",
    },
}


@transaction.atomic
def lengthen(user: User, count: int) -> None:
    """Spend `count` credits more, one by one, as if in the past: entries and allocations as charges leave them."""
    wallet = Wallet.objects.select_for_update().get(user=user)
    apps = f"CASE WHEN i % 2 = 0 THEN {people.app().pk} ELSE {people.app(people.OTHER_APP).pk} END"
    grant = Grant.objects.get(wallet=wallet, remaining__gt=0)
    Grant.objects.create(wallet=wallet, source=grant.source, rank=grant.rank, amount=count, remaining=0)
    text = {key: value.format(count=count) for key, value in _SQL[connection.vendor].items()}
    numbers = f"WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {count})"
    spent = Grant.objects.filter(wallet=wallet).latest("id").pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {Entry._meta.db_table} (id, wallet_id, version, app_id, transaction_type, amount,
            balance_after, description, project_code, created_at, hash) {numbers}
            SELECT {text["id"]} || {wallet.pk}, {wallet.pk}, {wallet.version} + i, {apps}, 'used', -1,
            {wallet.balance} + {count} - i, 'A page', '', {text["at"]}, {text["hash"]} FROM numbers"""
        )
        cursor.execute(
            f"""INSERT INTO {Allocation._meta.db_table} (entry_id, grant_id, amount)
            SELECT id, {spent}, -1 FROM {Entry._meta.db_table}
            WHERE wallet_id = {wallet.pk} AND version > {wallet.version}"""
        )
    wallet.version += count
    wallet.save(update_fields=["version"])


@transaction.atomic
def spend(user: User, count: int) -> None:
    """Spend `count` credits more, one by one, with everything that `check_ledger` looks at; no events."""
    app = people.app()
    wallet = ledger.lock(user)
    for first in range(0, count, CHUNK):
        postings = [
            ledger.compose(wallet, EntryType.USED, -1, ledger.draw(wallet, 1), app=app, description="A page")
            for _ in range(min(CHUNK, count - first))
        ]
        sql.write(
            *sql.insert(Entry, ledger.ENTRY_COLUMNS, [ledger.entry_row(posting.entry) for posting in postings]),
            *sql.insert(
                Allocation, ("entry_id", "grant_id", "amount"), [(p.entry.pk, p.draws[0][0], -1) for p in postings]
            ),
        )
        moved = Counter(posting.draws[0][0] for posting in postings)
        sql.write(*queries.move_grants({grant: -part for grant, part in moved.items()}), queries.save_wallets([wallet]))


def settle_down() -> None:
    """Have the database do now what so many new rows would have it do during the measurement."""
    # Left to itself SQLite never does: it gathers statistics only when asked to, and the product does not ask.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
