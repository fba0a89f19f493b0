"""Tells a person that their credits run low: an event and an email, once each time the balance falls past the mark."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from accounts import mail, sql
from accounts.events import Fact

if TYPE_CHECKING:
    from credits.models import Wallet

KIND = "credits.low"


def if_low(wallet: "Wallet", *, before: int) -> list[Fact]:
    """The fact that the balance, `before` until now, has just fallen to the owner's mark or below it, if it has.

    The wallet is locked, so one entry alone crosses the mark; the next notice needs a balance above it first."""
    if not wallet.low_mark or not wallet.balance <= wallet.low_mark < before:
        return []
    facts = {"credits": wallet.available, "credits_balance": wallet.balance, "threshold": wallet.low_mark}
    return [Fact(wallet.pk, KIND, facts)]


def mailing(facts: Iterable[Fact]) -> list[sql.Statement]:
    """The statements that have a mail say what `if_low` noted. It leaves after the commit (accounts.mail)."""
    low = [fact for fact in facts if fact.type == KIND]
    return mail.queueing([(fact.user_id, "credits/low_balance", fact.data) for fact in low])
