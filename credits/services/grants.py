"""Credits coming in: bonuses, purchases and corrections by staff."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.errors import DomainError, InvalidField
from accounts.models import ClientApp, User
from credits import ledger
from credits.models import DEFAULT_PRIORITY, Entry, EntryType, GrantBatch, Source, Wallet, counted
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
    priority: int = DEFAULT_PRIORITY,
) -> Entry:
    """Add `amount` credits to the person's wallet and return the entry. Refills add, they never set.

    From `expires_at` on they cannot be spent; of two grants the one with the lower `priority` is spent first. Raises
    InvalidField for an expiry that is not in the future."""
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidField("expires_at", "The expiry must be in the future.")
    wallet = ledger.lock(user)
    return ledger.receive(wallet, amount, source, description=reason, app=app, expires_at=expires_at, priority=priority)


@transaction.atomic
def grant_many(
    *,
    users: Iterable[User],
    amount: int,
    reason: str,
    app: ClientApp | None = None,
    expires_at: datetime | None = None,
    priority: int = DEFAULT_PRIORITY,
) -> list[Entry]:
    """Grant `amount` bonus credits to each of `users`, all or none; wallets are locked in key order."""
    ordered = sorted(users, key=lambda user: user.pk)
    return [
        grant(user=user, amount=amount, reason=reason, app=app, expires_at=expires_at, priority=priority)
        for user in ordered
    ]


class GrantKeyReused(DomainError):
    """The key already gave other credits."""

    code = "grant_key_reused"
    status = 409
    title = "Grant key reused"


class NobodyToGrant(DomainError):
    """The grant was for nobody. Its key is still free."""

    code = "nobody_to_grant"
    status = 409
    title = "Nobody to grant"


@transaction.atomic
def grant_once(
    *,
    key: str,
    users: Iterable[User],
    amount: int,
    reason: str,
    expires_at: datetime | None = None,
    priority: int = DEFAULT_PRIORITY,
    audience: str = "",
    made_by: User | None = None,
) -> tuple[GrantBatch, bool]:
    """Grant `amount` bonus credits to each of `users` once per `key`, all or none; says whether it did so just now.

    `audience` says who is meant where that may grow meanwhile ("everybody"); else it is these very users. The same key
    again grants nothing and returns the first batch. Raises GrantKeyReused when its terms or its audience differ, and
    NobodyToGrant without users, which leaves the key free."""
    people = list(users)
    terms = {"amount": amount, "reason": reason, "expires_at": expires_at, "priority": priority}
    terms["audience"] = _digest(audience or "\n".join(sorted(user.user_id for user in people)))
    batch = GrantBatch.objects.filter(key=key).first() or _claim(key, people, terms, made_by)
    if any(getattr(batch, name) != value for name, value in terms.items()):
        raise GrantKeyReused("This key was used for another grant; a new grant takes a new key.")
    if batch.count:
        return batch, False
    entries = grant_many(users=people, amount=amount, reason=reason, expires_at=expires_at, priority=priority)
    batch.count = len(entries)
    batch.save(update_fields=["count"])
    audit.record("bonus.granted", about=batch, by=made_by, said=in_words(batch), reason=reason)
    return batch, True


def in_words(batch: GrantBatch) -> str:
    """What was given, for the records, which are in English whoever reads them."""
    people = "a user" if batch.count == 1 else f"each of {batch.count} users"
    return f"Granted {counted(batch.amount)} to {people}."


def _digest(audience: str) -> str:
    return hashlib.sha256(audience.encode()).hexdigest()


def _claim(key: str, people: list[User], terms: dict[str, Any], made_by: User | None) -> GrantBatch:
    """A batch of nobody yet under `key`, or the one that a racing call made and filled."""
    if not people:
        raise NobodyToGrant("Nobody would get these credits. Nothing was granted, and the key is still free.")
    batch, _ = GrantBatch.objects.get_or_create(key=key, defaults={**terms, "made_by": made_by, "count": 0})
    return batch


class WalletChanged(DomainError):
    """The wallet moved since the caller looked at it."""

    code = "wallet_changed"
    status = 409
    title = "Wallet changed"


@transaction.atomic
def adjust(*, user: User, amount: int, reason: str, entry_id: str = "", if_version: int | None = None) -> Entry:
    """Correct a wallet by `amount` signed credits, by staff and with a reason; `entry_id` is the entry it corrects.

    With `if_version` only while the wallet is at that version, so that a repeated click corrects once. Raises
    WalletChanged, InvalidField for an entry that is not in this wallet, and InsufficientCredits when it would take more
    than is available."""
    wallet = ledger.lock(user)
    if if_version not in (None, wallet.version):
        raise WalletChanged("This wallet has changed since the page was opened. Look at its entries before you repeat.")
    corrected = _entry_of(wallet, entry_id) if entry_id else None
    if amount > 0:
        return ledger.receive(wallet, amount, Source.ADJUSTMENT, description=reason, related=corrected)
    if wallet.available < -amount:
        raise InsufficientCredits(required=-amount, available=wallet.available)
    draws = ledger.draw(wallet, -amount)
    return ledger.post(wallet, EntryType.ADJUSTMENT, amount, draws, description=reason, related=corrected)


def _entry_of(wallet: Wallet, entry_id: str) -> Entry:
    entry = wallet.entries.filter(pk=entry_id).first()
    if entry is None:
        raise InvalidField("entry_id", "This wallet has no such entry.")
    return entry
