"""A ledger of any length, right in every row, written in bulk: what proving and measuring need in numbers."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts.models import ClientApp, User
from credits import ledger, services
from credits.models import Allocation, Entry, EntryType, Grant, Wallet, new_entry_id

ROWS_AT_ONCE = 5_000


def charge_often(user: User, app: ClientApp, count: int, *, since: datetime) -> None:
    """`count` charges of one credit, a second apart, each as `services.charge` would write it but for its event."""
    for given in range(0, count, 1_000_000):
        services.grant(user=user, amount=min(1_000_000, count - given), reason="To be spent")
    wallet = Wallet.objects.get(pk=user.pk)
    wallet.user = user
    for first in range(0, count, ROWS_AT_ONCE):
        _some(
            wallet,
            app,
            [since + timedelta(seconds=number) for number in range(first, min(first + ROWS_AT_ONCE, count))],
        )


def _some(wallet: Wallet, app: ClientApp, moments: Iterable[datetime]) -> None:
    entries, parts = [], []
    grants = iter(Grant.objects.filter(wallet=wallet, remaining__gt=0).in_burn_order())
    grant = next(grants)
    for moment in moments:
        if grant.remaining == 0:
            grant.save(update_fields=["remaining"])
            grant = next(grants)
        grant.remaining -= 1
        entries.append(_charge(wallet, app, moment))
        parts.append(Allocation(entry=entries[-1], grant=grant, amount=-1))
    grant.save(update_fields=["remaining"])
    Entry.objects.bulk_create(entries)
    Allocation.objects.bulk_create(parts)
    wallet.save(update_fields=["balance", "version", "head_hash"])


def _charge(wallet: Wallet, app: ClientApp, moment: datetime) -> Entry:
    wallet.balance -= 1
    wallet.version += 1
    entry = Entry(
        id=new_entry_id(),
        wallet=wallet,
        version=wallet.version,
        app=app,
        transaction_type=EntryType.USED,
        amount=-1,
        balance_after=wallet.balance,
        description="One of many",
        created_at=moment,
    )
    wallet.head_hash = entry.hash = ledger.chain(wallet.head_hash, entry)
    return entry
