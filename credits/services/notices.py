"""What a person asked to be told about their credits."""

from django.db import transaction

from accounts.models import User
from credits import ledger
from credits.models import Wallet


@transaction.atomic
def set_low_mark(*, user: User, credits: int) -> Wallet:
    """Tell the person when their balance falls to `credits` or below; 0 tells them nothing.

    A balance that is there already is no news: the next notice needs a balance above the mark first."""
    wallet = ledger.lock(user)
    wallet.low_mark = credits
    wallet.save(update_fields=["low_mark"])
    return wallet
