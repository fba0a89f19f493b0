"""The end of a wallet: nothing held, nothing left, and nothing in it that says who its owner was."""

from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from accounts.chain import erased
from accounts.models import User
from credits import ledger
from credits.models import Entry, EntryType, Hold, Purchase, Wallet

ENTRIES_AT_ONCE = 500


@transaction.atomic
def close_wallet(*, user: User) -> Wallet:
    """Release what is on hold, write off what is left, erase what descriptions say, and let nobody act on it again.

    The entries stay, and add up to nothing; in place of each description stands its digest, which the hash chain needs.
    Raises UserNotFound when it is closed already."""
    wallet = ledger.lock(user)
    for held in wallet.holds.filter(status=Hold.Status.ACTIVE).order_by("id"):
        ledger.let_go(wallet, held, Hold.Status.RELEASED)
    # Once more, with what the holds gave back.
    wallet = ledger.lock(user)
    wallet.low_mark = 0
    if wallet.balance:
        draws = ledger.draw(wallet, wallet.balance)
        ledger.post(wallet, EntryType.ADJUSTMENT, -wallet.balance, draws, description="Account closed")
    wallet.closed_at, wallet.next_due_at = timezone.now(), None
    wallet.save(update_fields=["closed_at", "next_due_at", "low_mark"])
    wallet.holds.update(description="")
    # The books keep what was paid; the provider's pages about it name the person.
    Purchase.objects.owned_by(user).update(receipt_url="", checkout_url="")
    for page in _pages(wallet):
        Entry.objects.bulk_update(page, ["description"])
    return wallet


def _pages(wallet: Wallet) -> Iterator[list[Entry]]:
    """The wallet's entries with what they say erased, some at a time."""
    for first in range(1, wallet.version + 1, ENTRIES_AT_ONCE):
        page = list(wallet.entries.filter(version__gte=first, version__lt=first + ENTRIES_AT_ONCE).only("description"))
        for entry in page:
            entry.description = erased(entry.description)
        yield page
