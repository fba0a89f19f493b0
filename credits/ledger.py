"""The one place that moves a wallet: lock it, settle what fell due, draw on grants, post an entry."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Min
from django.utils import timezone

from accounts import events
from accounts.models import ClientApp, User
from credits.models import (
    BURN_RANK,
    Allocation,
    Entry,
    EntryType,
    Grant,
    Hold,
    HoldAllocation,
    Source,
    Wallet,
    new_entry_id,
)

Draw = tuple[Grant, int]


def lock(user: User) -> Wallet:
    """The person's wallet, locked until the transaction ends, opened on first touch, with nothing overdue in it."""
    wallet = Wallet.objects.select_for_update().filter(pk=user.pk).first() or _open(user)
    wallet.user = user
    settle(wallet)
    return wallet


def _open(user: User) -> Wallet:
    """A new wallet with the sign-up grants; a racing opener's wallet when that came first."""
    try:
        with transaction.atomic():
            wallet = Wallet.objects.create(user=user)
    except IntegrityError:
        return Wallet.objects.select_for_update().get(pk=user.pk)
    receive(wallet, settings.SIGNUP_BASE_CREDITS, Source.BASE, description="Sign-up credits")
    receive(wallet, settings.SIGNUP_BONUS_CREDITS, Source.BONUS, description="Sign-up bonus")
    return wallet


def receive(
    wallet: Wallet,
    amount: int,
    source: Source,
    *,
    description: str,
    app: ClientApp | None = None,
    expires_at: datetime | None = None,
    related: Entry | None = None,
) -> Entry:
    """A new grant of `amount` credits and the entry that says so."""
    grant = Grant.objects.create(
        wallet=wallet,
        source=source,
        rank=BURN_RANK[source],
        amount=amount,
        remaining=amount,
        expires_at=expires_at,
    )
    due_at_latest(wallet, expires_at)
    kind = EntryType(source)
    return post(wallet, kind, amount, [(grant, amount)], app=app, description=description, related=related)


def due_at_latest(wallet: Wallet, at: datetime | None) -> None:
    """Have the wallet settled at `at` or before. Saved by whoever saves the wallet next."""
    if at is not None and (wallet.next_due_at is None or at < wallet.next_due_at):
        wallet.next_due_at = at


def draw(wallet: Wallet, amount: int) -> list[Draw]:
    """Which grants pay `amount` credits, in burn order. The caller has checked that the wallet can pay."""
    draws: list[Draw] = []
    # As of the moment it was settled: a grant that expires in between is still in the balance.
    for grant in wallet.grants.spendable(wallet.settled_at).in_burn_order():
        take = min(amount, grant.remaining - grant.held)
        draws.append((grant, take))
        amount -= take
        if amount == 0:
            return draws
    raise RuntimeError(f"The grants of wallet {wallet.pk} do not add up to its balance.")


def post(
    wallet: Wallet,
    kind: EntryType,
    amount: int,
    draws: Sequence[Draw],
    *,
    app: ClientApp | None = None,
    description: str = "",
    project_code: str = "",
    related: Entry | None = None,
    hold: Hold | None = None,
) -> Entry:
    """Append one entry of `amount` signed credits with the grants it moved, and bring the wallet up to it."""
    wallet.balance += amount
    wallet.version += 1
    entry = Entry(
        id=new_entry_id(),
        wallet=wallet,
        version=wallet.version,
        app=app,
        transaction_type=kind,
        amount=amount,
        balance_after=wallet.balance,
        description=description,
        project_code=project_code,
        related=related,
        hold=hold,
        created_at=timezone.now(),
    )
    wallet.head_hash = entry.hash = chain(wallet.head_hash, entry)
    entry.save(force_insert=True)
    sign = 1 if amount > 0 else -1
    Allocation.objects.bulk_create(Allocation(entry=entry, grant=grant, amount=sign * part) for grant, part in draws)
    save(wallet)
    events.record(user=wallet.user, type="credits.changed", data=_fact(wallet, entry))
    return entry


def chain(previous: str, entry: Entry) -> str:
    """SHA-256 over the previous entry's hash and everything this entry says: editing any entry breaks the chain."""
    said = (
        previous,
        entry.id,
        str(entry.wallet_id),
        str(entry.version),
        entry.app_name,
        str(entry.transaction_type),
        str(entry.amount),
        str(entry.balance_after),
        entry.description,
        entry.project_code,
        entry.related_id or "",
        entry.hold_id or "",
        entry.created_at.isoformat(),
    )
    return hashlib.sha256("\x1f".join(said).encode()).hexdigest()


def _fact(wallet: Wallet, entry: Entry) -> dict[str, object]:
    return {
        "transaction_id": entry.id,
        "transaction_type": str(entry.transaction_type),
        "app_name": entry.app_name,
        "amount": entry.amount,
        "credits": wallet.available,
        "credits_balance": wallet.balance,
        "credits_held": wallet.held,
    }


def save(wallet: Wallet) -> None:
    """Write what the ledger changed in the wallet, and nothing else."""
    wallet.save(update_fields=["balance", "held", "version", "head_hash", "next_due_at"])


def spend_from(draws: Iterable[Draw]) -> None:
    """Take the drawn credits out of their grants."""
    for grant, part in draws:
        Grant.objects.filter(pk=grant.pk).update(remaining=F("remaining") - part)


def settle(wallet: Wallet) -> None:
    """Release holds and expire grants whose time has come, so that what follows sees the truth of this second."""
    now = wallet.settled_at = timezone.now()
    if wallet.next_due_at is None or wallet.next_due_at > now:
        return
    for hold in wallet.holds.filter(status=Hold.Status.ACTIVE, expires_at__lte=now).order_by("expires_at", "id"):
        let_go(wallet, hold, Hold.Status.EXPIRED)
    expire_grants(wallet, now)
    wallet.next_due_at = _next_due(wallet, now)
    save(wallet)


def expire_grants(wallet: Wallet, now: datetime) -> None:
    """Write off what is left, and not on hold, of every grant that has expired."""
    for grant in wallet.grants.filter(expires_at__lte=now, remaining__gt=F("held")).order_by("expires_at", "id"):
        lost = grant.remaining - grant.held
        spend_from([(grant, lost)])
        post(wallet, EntryType.EXPIRED, -lost, [(grant, lost)], description=f"{grant.get_source_display()} expired")


def let_go(wallet: Wallet, hold: Hold, status: Hold.Status) -> None:
    """Give a hold's remaining credits back to the grants they were set aside from, and close it as `status`."""
    for part in HoldAllocation.objects.filter(hold=hold, amount__gt=0):
        Grant.objects.filter(pk=part.grant_id).update(held=F("held") - part.amount)
        wallet.held -= part.amount
    HoldAllocation.objects.filter(hold=hold).update(amount=0)
    hold.status, hold.settled_at = status, timezone.now()
    hold.save(update_fields=["status", "captured", "settled_at"])
    # A grant may have expired while it was held: it falls due this moment.
    due_at_latest(wallet, timezone.now())
    save(wallet)
    events.record(
        user=wallet.user,
        type="hold.settled",
        data={"hold_id": hold.id, "status": str(status), "captured": hold.captured, "credits": wallet.available},
    )


def _next_due(wallet: Wallet, now: datetime) -> datetime | None:
    hold = wallet.holds.active(now).aggregate(at=Min("expires_at"))["at"]
    grant = wallet.grants.spendable(now).aggregate(at=Min("expires_at"))["at"]
    return min((at for at in (hold, grant) if at is not None), default=None)
