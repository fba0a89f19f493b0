"""Credits coming in: bonuses, purchases and corrections by staff."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.errors import InvalidField
from accounts.models import ClientApp, User
from credits import ledger
from credits.models import Entry, EntryType, Source
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


@transaction.atomic
def adjust(*, user: User, amount: int, reason: str, related: Entry | None = None) -> Entry:
    """Correct a wallet by `amount` signed credits, by staff and with a reason; `related` is what it corrects.

    Raises InsufficientCredits when it would take more than is available."""
    wallet = ledger.lock(user)
    if amount > 0:
        return ledger.receive(wallet, amount, Source.ADJUSTMENT, description=reason, related=related)
    if wallet.available < -amount:
        raise InsufficientCredits(required=-amount, available=wallet.available)
    draws = ledger.draw(wallet, -amount)
    ledger.spend_from(draws)
    return ledger.post(wallet, EntryType.ADJUSTMENT, amount, draws, description=reason, related=related)
