"""Reads a wallet as it is this second, and sweeps the ones whose holds or grants fell due."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import User
from credits import ledger
from credits.models import Grant, Hold, Source, Wallet

MOMENTS = 100


def wallet_of(*, user: User) -> Wallet:
    """The person's wallet, opened with its sign-up credits on first touch, free of overdue holds and grants."""
    wallet = Wallet.objects.filter(pk=user.pk).first()
    if wallet is None or (wallet.next_due_at is not None and wallet.next_due_at <= timezone.now()):
        with transaction.atomic():
            return ledger.lock(user)
    return wallet


def open_wallets(*, users: Collection[User]) -> None:
    """Open the wallets of those who have none yet, each in a transaction of its own."""
    opened = set(Wallet.objects.filter(pk__in=[user.pk for user in users]).values_list("pk", flat=True))
    for user in users:
        if user.pk not in opened:
            wallet_of(user=user)


@transaction.atomic
def open_imported(*, user: User, balance: int, bonus: int = 0, reason: str = "Imported balance") -> Wallet:
    """The wallet of a person who comes from elsewhere with `balance` credits: one base entry, then the bonus.

    They had their sign-up credits there. The person must not have a wallet yet."""
    wallet = Wallet.objects.create(user=user)
    if balance:
        ledger.receive(wallet, balance, Source.BASE, description=reason)
    if bonus:
        ledger.receive(wallet, bonus, Source.BONUS, description="Bonus for existing users")
    return wallet


def expiring(*, user: User) -> list[dict[str, Any]]:
    """How many of the spendable credits expire when, soonest first: `amount` and `expires_at`, 100 moments at most.

    The wallet must have been read by `wallet_of`, which writes off what is overdue."""
    mortal = Grant.objects.filter(wallet_id=user.pk, expires_at__isnull=False).spendable(timezone.now())
    moments = mortal.values("expires_at").annotate(amount=Sum(F("remaining") - F("held"))).order_by("expires_at")
    return [{"amount": row["amount"], "expires_at": row["expires_at"]} for row in moments[:MOMENTS]]


def settle_due() -> int:
    """Release the expired holds and write off the expired grants of every wallet; returns how many wallets changed.

    Nothing depends on when this runs: a wallet tells the truth at every read without it."""
    users = User.objects.filter(pk__in=Wallet.objects.filter(next_due_at__lte=timezone.now()).values("pk"))
    count = 0
    for user in users.order_by("pk").iterator():
        wallet_of(user=user)
        count += 1
    return count


def lock_owner(*, user: User) -> Wallet:
    """Lock everything that is the person's until the running transaction ends, and return their wallet.

    The wallet row is the owner's lock: bytes and credits are changed only under it, so neither can be raced."""
    return ledger.lock(user)


def reserved_bytes(*, user: User) -> int:
    """Bytes that the person's active holds keep free for work under way."""
    return Hold.objects.filter(wallet_id=user.pk).active(timezone.now()).storage_bytes()
