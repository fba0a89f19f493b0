"""Proves that the ledger adds up, in memory that does not grow with it: one pass over the entries, and for everything
else one query a rule, which returns only the rows that break it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any

from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, TruncDate

from accounts import append_only
from accounts.auditing import Fault
from accounts.models import ClientApp, Connection
from credits import ledger
from credits.models import Allocation, ChargeKey, Entry, EntryType, Grant, Hold, HoldAllocation, Purchase, Wallet

ENTRIES_AT_ONCE = 2_000
ACTIVE = Q(status=Hold.Status.ACTIVE)
Rows = QuerySet[Any]


@dataclass(slots=True)
class Tally:
    """How much was looked at, of how many entries."""

    wallets: int = 0
    entries: int = 0
    of: int = 0


def audit(tally: Tally, progress: Callable[[], None] = lambda: None) -> Iterator[Fault]:
    """Every fault; of each wallet's entries the first only, since all later ones follow from it."""
    tally.of = Entry.objects.count()
    yield from (Fault(f"trigger {name}", "is missing or switched off") for name in append_only.missing())
    yield from _entries(tally, progress)
    for rule in (_sums, _grants, _holds, _links, _keys, _purchases, _dates, _caps):
        yield from rule()


def _entries(tally: Tally, progress: Callable[[], None]) -> Iterator[Fault]:
    """Versions without a gap, running balances, the hash chain, and each wallet at its end."""
    apps = {app.pk: app for app in ClientApp.objects.all()}
    stream = Entry.objects.order_by("wallet_id", "version").iterator(ENTRIES_AT_ONCE)
    chains = groupby(_counted(stream, tally, progress), key=lambda entry: entry.wallet_id)
    owner, chain = next(chains, (None, iter(())))
    for wallet in Wallet.objects.select_related("user").order_by("pk").iterator():
        tally.wallets += 1
        if wallet.pk == owner:
            yield from _chain(wallet, chain, apps)
            owner, chain = next(chains, (None, iter(())))
        else:
            yield from _chain(wallet, iter(()), apps)
    progress()


def _counted(entries: Iterator[Entry], tally: Tally, progress: Callable[[], None]) -> Iterator[Entry]:
    for entry in entries:
        tally.entries += 1
        if tally.entries % ENTRIES_AT_ONCE == 0:
            progress()
        yield entry


def _chain(wallet: Wallet, entries: Iterator[Entry], apps: dict[int, ClientApp]) -> Iterator[Fault]:
    balance, version, head = 0, 0, ""
    for entry in entries:
        entry.app = apps[entry.app_id] if entry.app_id else None
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


def _name(wallet: Wallet) -> str:
    return f"wallet of {wallet.user.user_id}"


def _total(path: str, **more: Any) -> Coalesce:
    return Coalesce(Sum(path, **more), 0)


def _found(rows: Rows, what: str, *facts: str) -> Iterator[Fault]:
    """A fault for each row, `what` filled with its `facts`."""
    owner = {Wallet: "user", Allocation: "entry__wallet__user", HoldAllocation: "hold__wallet__user"}
    path = owner.get(rows.model, "wallet__user")
    for row in rows.select_related(path).order_by("pk").iterator():
        user: Any = row
        for name in path.split("__"):
            user = getattr(user, name)
        kind = rows.model._meta.verbose_name
        name = f"{kind} of {user.user_id}" if rows.model is Wallet else f"{kind} {row.pk} of {user.user_id}"
        yield Fault(name, what.format(*(getattr(row, fact) for fact in facts)))


def _sums() -> Iterator[Fault]:
    """Wallets are what their grants and active holds say; an entry is what it moved in grants."""
    left = Wallet.objects.annotate(left=_total("grants__remaining")).exclude(balance=F("left"))
    yield from _found(left, "balance is {}, its grants hold {}", "balance", "left")
    on_hold = Sum(F("holds__amount") - F("holds__captured"), filter=Q(holds__status=Hold.Status.ACTIVE))
    kept = Wallet.objects.annotate(kept=Coalesce(on_hold, 0)).exclude(held=F("kept"))
    yield from _found(kept, "held is {}, its active holds say {}", "held", "kept")
    moved = Entry.objects.annotate(moved=_total("allocations__amount")).exclude(amount=F("moved"))
    yield from _found(moved, "amount is {}, it moved {} in grants", "amount", "moved")
    back = _total("corrections__amount", filter=Q(corrections__transaction_type=EntryType.REFUND))
    charges = Entry.objects.filter(transaction_type=EntryType.USED).annotate(back=back, taken=-F("amount"))
    yield from _found(charges.filter(back__gt=F("taken")), "took {} and gave {} back", "taken", "back")
    closed = Wallet.objects.filter(closed_at__isnull=False).exclude(balance=0)
    yield from _found(closed, "its account is closed, and it has {} credits", "balance")


def _grants() -> Iterator[Fault]:
    """What is left of a grant is what entries left of it, and what is on hold of it is what holds keep."""
    moved = Grant.objects.annotate(moved=_total("allocations__amount")).exclude(remaining=F("moved"))
    yield from _found(moved, "has {}, entries leave {}", "remaining", "moved")
    parts = HoldAllocation.objects.filter(grant=OuterRef("pk")).order_by().values("grant")
    kept = Coalesce(Subquery(parts.values(total=Sum("amount"))), 0)
    held = Grant.objects.annotate(kept=kept).exclude(held=F("kept"))
    yield from _found(held, "held is {}, its holds say {}", "held", "kept")


def _holds() -> Iterator[Fault]:
    """An active hold keeps what it has not captured, an ended one nothing, and what was captured was charged."""
    rest = F("amount") - F("captured")
    holds = Hold.objects.annotate(kept=_total("allocations__amount"))
    wrong = (ACTIVE & ~Q(kept=rest)) | (~ACTIVE & ~Q(kept=0))
    yield from _found(holds.filter(wrong), "is {} and keeps {} in grants, of {} captured {}", *_OF_A_HOLD)
    charged = Hold.objects.annotate(charged=-_total("entries__amount")).exclude(captured=F("charged"))
    yield from _found(charged, "captured is {}, entries say {}", "captured", "charged")
    unsettled = Hold.objects.filter(ACTIVE, settled_at__isnull=False) | Hold.objects.filter(~ACTIVE, settled_at=None)
    yield from _found(unsettled, "is {}, settled at {}", "status", "settled_at")


_OF_A_HOLD = ("status", "kept", "amount", "captured")


def _links() -> Iterator[Fault]:
    """What belongs together belongs to one wallet, and a refund to the charge of its app."""
    parts = Allocation.objects.exclude(grant__wallet=F("entry__wallet"))
    yield from _found(parts, "moves another wallet's grant")
    kept = HoldAllocation.objects.exclude(grant__wallet=F("hold__wallet"))
    yield from _found(kept, "keeps another wallet's grant")
    corrected = Entry.objects.filter(related__isnull=False).exclude(related__wallet=F("wallet"))
    yield from _found(corrected, "corrects another wallet's entry")
    captured = Entry.objects.filter(hold__isnull=False).exclude(hold__wallet=F("wallet"), hold__app=F("app"))
    yield from _found(captured, "charges another's hold")
    refunds = Entry.objects.filter(transaction_type=EntryType.REFUND)
    astray = Q(related=None) | ~Q(related__transaction_type=EntryType.USED) | ~Q(related__app=F("app"))
    yield from _found(refunds.filter(astray), "refunds no charge of its app")


def _keys() -> Iterator[Fault]:
    """What a key of a batch was answered was charged: so much, by its app, and under no other key."""
    paid, taken = KT("answer__transaction_id"), Cast(KT("answer__amount"), BigIntegerField())
    answered = ChargeKey.objects.filter(status=200).annotate(paid=paid, taken=taken)
    charge = Entry.objects.filter(
        pk=OuterRef("paid"), app=OuterRef("app"), transaction_type=EntryType.USED, amount=-1 * OuterRef("taken")
    )
    for key in answered.exclude(Exists(charge)).select_related("app").order_by("pk").iterator():
        yield Fault(f"charge key {key.pk} of {key.app.slug}", "was answered with a charge that is not in the ledger")
    for row in answered.values("paid").annotate(keys=Count("pk")).filter(keys__gt=1).order_by("paid"):
        yield Fault(f"entry {row['paid']}", f"was charged once and answered under {row['keys']} keys")


def _purchases() -> Iterator[Fault]:
    """A purchase brought what was bought, to its buyer, and what was taken back for it is what entries took."""
    paid = Purchase.objects.filter(entry__isnull=False)
    brought = Q(entry__transaction_type=EntryType.PURCHASED, entry__amount=F("credits"), entry__wallet=F("wallet"))
    yield from _found(paid.exclude(brought), "of {} credits has an entry that is not its own", "credits")
    taken = _total("reversals__entry__amount")
    wrong = paid.annotate(taken=-taken).exclude(taken=F("reversed_credits"))
    yield from _found(wrong, "reversed {}, entries say {}", "reversed_credits", "taken")
    unpaid = Purchase.objects.filter(status=Purchase.Status.COMPLETED, entry=None)
    yield from _found(unpaid, "is completed and brought nothing")


def _dates() -> Iterator[Fault]:
    """A wallet is settled no later than its first grant or hold ends, or what has expired could be spent."""
    late = Q(wallet__next_due_at=None) | Q(wallet__next_due_at__gt=F("expires_at"))
    ends = "ends at {}, its wallet is settled later"
    grants = Grant.objects.filter(late, expires_at__isnull=False, remaining__gt=F("held"))
    yield from _found(grants, ends, "expires_at")
    yield from _found(Hold.objects.filter(late, ACTIVE), ends, "expires_at")


def _caps() -> Iterator[Fault]:
    """No app spent more on a UTC day than its cap, for every whole day since the cap was set."""
    capped = Connection.objects.filter(daily_cap__isnull=False, cap_set_at__isnull=False)
    for allowed in capped.select_related("user", "app").order_by("pk").iterator():
        assert allowed.cap_set_at is not None
        first = datetime.combine(allowed.cap_set_at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
        spent = Entry.objects.filter(wallet_id=allowed.user_id, app=allowed.app, created_at__gte=first)
        spent = spent.filter(transaction_type__in=(EntryType.USED, EntryType.REFUND))
        # What was set aside before there was a cap may be charged after it.
        spent = spent.exclude(hold__created_at__lt=allowed.cap_set_at)
        days = spent.annotate(day=TruncDate("created_at", tzinfo=UTC)).values("day").annotate(total=-Sum("amount"))
        for row in days.filter(total__gt=allowed.daily_cap).order_by("day"):
            what = f"{row['total']} credits went on {row['day']}, the cap is {allowed.daily_cap}"
            yield Fault(f"{allowed.app.slug} for {allowed.user.user_id}", what)
