"""Credits coming in: bonuses, purchases and corrections by staff."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.errors import DomainError, InvalidField
from accounts.models import ClientApp, User
from credits import ledger
from credits.models import Entry, EntryType, GrantBatch, Source
from credits.services.charges import InsufficientCredits


@transaction.atomic
def grant(
    *,
    user: User,
    amount: int,
    reason: str,
    source: Source = Source.BONUS,
    app: ClientApp | None = None,
    expires_at: datetime | None = None,
) -> Entry:
    """Add `amount` credits to the person's wallet and return the entry. Refills add, they never set.

    From `expires_at` on they cannot be spent. Raises InvalidField when that is not in the future."""
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidField("expires_at", "The expiry must be in the future.")
    return ledger.receive(ledger.lock(user), amount, source, description=reason, app=app, expires_at=expires_at)


@transaction.atomic
def grant_many(
    *,
    users: Iterable[User],
    amount: int,
    reason: str,
    app: ClientApp | None = None,
    expires_at: datetime | None = None,
) -> list[Entry]:
    """Grant `amount` bonus credits to each of `users`, all or none; wallets are locked in key order."""
    ordered = sorted(users, key=lambda user: user.pk)
    return [grant(user=user, amount=amount, reason=reason, app=app, expires_at=expires_at) for user in ordered]


class GrantKeyReused(DomainError):
    """The key already gave other credits."""

    code = "grant_key_reused"
    status = 409
    title = "Grant key reused"


@transaction.atomic
def grant_once(
    *,
    key: str,
    users: Iterable[User],
    amount: int,
    reason: str,
    expires_at: datetime | None = None,
    made_by: User | None = None,
) -> tuple[GrantBatch, bool]:
    """Grant `amount` bonus credits to each of `users` once per `key`, all or none; says whether it did so just now.

    The same key again grants nothing and returns the first batch. Raises GrantKeyReused when its terms differ."""
    batch = GrantBatch.objects.filter(key=key).first() or _claim(key, amount, reason, expires_at, made_by)
    if (batch.amount, batch.reason, batch.expires_at) != (amount, reason, expires_at):
        raise GrantKeyReused("This key was used for another grant; a new grant takes a new key.")
    if batch.count:
        return batch, False
    batch.count = len(grant_many(users=users, amount=amount, reason=reason, expires_at=expires_at))
    batch.save(update_fields=["count"])
    return batch, True


def _claim(key: str, amount: int, reason: str, expires_at: datetime | None, made_by: User | None) -> GrantBatch:
    """A batch of nobody yet under `key`, or the one that a racing call made and filled."""
    terms = {"amount": amount, "reason": reason, "expires_at": expires_at, "made_by": made_by, "count": 0}
    batch, _ = GrantBatch.objects.get_or_create(key=key, defaults=terms)
    return batch


class WalletChanged(DomainError):
    """The wallet moved since the caller looked at it."""

    code = "wallet_changed"
    status = 409
    title = "Wallet changed"


@transaction.atomic
def adjust(
    *, user: User, amount: int, reason: str, related: Entry | None = None, if_version: int | None = None
) -> Entry:
    """Correct a wallet by `amount` signed credits, by staff and with a reason; `related` is what it corrects.

    With `if_version` only while the wallet is at that version, so that a repeated click corrects once. Raises
    WalletChanged, and InsufficientCredits when it would take more than is available."""
    wallet = ledger.lock(user)
    if if_version not in (None, wallet.version):
        raise WalletChanged("This wallet has changed since the page was opened. Look at its entries before you repeat.")
    if amount > 0:
        return ledger.receive(wallet, amount, Source.ADJUSTMENT, description=reason, related=related)
    if wallet.available < -amount:
        raise InsufficientCredits(required=-amount, available=wallet.available)
    draws = ledger.draw(wallet, -amount)
    ledger.spend_from(draws)
    return ledger.post(wallet, EntryType.ADJUSTMENT, amount, draws, description=reason, related=related)
