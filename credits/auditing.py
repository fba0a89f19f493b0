"""Proves that the ledger adds up, wallet by wallet, in memory that does not grow with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from credits import ledger
from credits.models import Allocation, Entry, EntryType, Grant, Hold, HoldAllocation, Wallet

ENTRIES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that does not add up, named so that it can be found."""

    row: str
    what: str

    def __str__(self) -> str:
        return f"{self.row}: {self.what}"


@dataclass(slots=True)
class Tally:
    """How much was looked at."""

    wallets: int = 0
    entries: int = 0


def audit(tally: Tally, progress: Callable[[], None] = lambda: None) -> Iterator[Fault]:
    """Every fault of every wallet; of each wallet's entries the first only, since all later ones follow from it."""
    for wallet in Wallet.objects.select_related("user").order_by("pk").iterator():
        tally.wallets += 1
        yield from _entries(wallet, tally, progress)
        yield from _grants(wallet)
        yield from _holds(wallet)
        yield from _refunds(wallet)
        progress()


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment of the database for everything read inside, or a charge made meanwhile would look like a fault.

    Inside a transaction that is already open nothing can be promised, and nothing is done."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # A plain BEGIN: Django's own would take the write lock.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def _name(wallet: Wallet) -> str:
    return f"wallet of {wallet.user.user_id}"


def _entries(wallet: Wallet, tally: Tally, progress: Callable[[], None]) -> Iterator[Fault]:
    """Versions without a gap, running balances, the hash chain, and the wallet at its end."""
    balance, version, head = 0, 0, ""
    entries = wallet.entries.select_related("app").order_by("version")
    for entry in entries.iterator(ENTRIES_AT_ONCE):
        tally.entries += 1
        if tally.entries % ENTRIES_AT_ONCE == 0:
            progress()
        what = _entry_fault(entry, version + 1, balance + entry.amount, head)
        if what:
            yield Fault(f"entry {entry.id} of {wallet.user.user_id}", what)
            return
        balance, version, head = entry.balance_after, entry.version, entry.hash
    for name, have, want in (
        ("balance", wallet.balance, balance),
        ("version", wallet.version, version),
        ("head_hash", wallet.head_hash, head),
    ):
        if have != want:
            yield Fault(_name(wallet), f"{name} is {have}, its entries say {want}")


def _entry_fault(entry: Entry, version: int, balance: int, head: str) -> str:
    if entry.version != version:
        return f"version {entry.version} where {version} should follow"
    if entry.balance_after != balance:
        return f"balance_after is {entry.balance_after}, the amounts before it add up to {balance}"
    if entry.hash != ledger.chain(head, entry):
        return "hash does not fit the chain: this entry or the one before it was changed"
    return ""


def _grants(wallet: Wallet) -> Iterator[Fault]:
    """What is left of each grant is what its allocations leave; together they are the balance."""
    moved = Coalesce(Sum("allocations__amount"), 0)
    total = 0
    grant: Any  # with what its allocations moved
    for grant in wallet.grants.annotate(moved=moved).order_by("pk").iterator():
        total += grant.remaining
        if grant.remaining != grant.moved:
            yield Fault(
                f"grant {grant.pk} of {wallet.user.user_id}", f"has {grant.remaining}, entries leave {grant.moved}"
            )
    if total != wallet.balance:
        yield Fault(_name(wallet), f"balance is {wallet.balance}, its grants hold {total}")
    astray = Allocation.objects.filter(entry__wallet=wallet).exclude(grant__wallet=wallet).first()
    if astray is not None:
        yield Fault(f"allocation {astray.pk} of {wallet.user.user_id}", "moves another wallet's grant")
    sums = wallet.entries.annotate(moved=Coalesce(Sum("allocations__amount"), 0)).exclude(moved=F("amount"))
    unpaid = sums.order_by("version").first()
    if unpaid is not None:
        yield Fault(f"entry {unpaid.id} of {wallet.user.user_id}", "amount differs from what its grants moved")


def _holds(wallet: Wallet) -> Iterator[Fault]:
    """What the wallet and its grants hold is what its active holds set aside and have not captured."""
    active = Q(status=Hold.Status.ACTIVE)
    held = wallet.holds.filter(active).aggregate(total=Coalesce(Sum(F("amount") - F("captured")), 0))["total"]
    if held != wallet.held:
        yield Fault(_name(wallet), f"held is {wallet.held}, its active holds say {held}")
    hold: Any  # with what it keeps in grants
    for hold in wallet.holds.annotate(kept=Coalesce(Sum("allocations__amount"), 0)).order_by("pk").iterator():
        wanted = hold.amount - hold.captured if hold.status == Hold.Status.ACTIVE else 0
        if hold.kept != wanted:
            yield Fault(
                f"hold {hold.id} of {wallet.user.user_id}", f"keeps {hold.kept} in grants, should keep {wanted}"
            )
        charged = -(hold.entries.aggregate(total=Coalesce(Sum("amount"), 0))["total"])
        if charged != hold.captured:
            yield Fault(
                f"hold {hold.id} of {wallet.user.user_id}", f"captured is {hold.captured}, entries say {charged}"
            )
    for grant in Grant.objects.filter(wallet=wallet).order_by("pk").iterator():
        kept = HoldAllocation.objects.filter(grant=grant).aggregate(total=Coalesce(Sum("amount"), 0))["total"]
        if grant.held != kept:
            yield Fault(f"grant {grant.pk} of {wallet.user.user_id}", f"held is {grant.held}, its holds say {kept}")


def _refunds(wallet: Wallet) -> Iterator[Fault]:
    """No charge was given back beyond what it took."""
    back = Coalesce(Sum("corrections__amount", filter=Q(corrections__transaction_type=EntryType.REFUND)), 0)
    charges = wallet.entries.filter(transaction_type=EntryType.USED).annotate(back=back)
    entry: Any  # with what came back
    for entry in charges.filter(back__gt=-F("amount")).order_by("version").iterator():
        yield Fault(f"entry {entry.id} of {wallet.user.user_id}", f"took {-entry.amount} and gave {entry.back} back")
