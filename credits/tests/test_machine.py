"""Any order of charges, grants, holds, captures, releases, refunds and hours: the ledger does what the model does."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate, count

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts import services as accounts
from accounts.errors import InvalidField
from accounts.models import ClientApp
from credits import ledger, services
from credits.models import Allocation, Entry, Grant
from credits.services.charges import RefundTooLarge
from credits.tests.model import NEVER, Book

START = datetime(2030, 1, 1, tzinfo=UTC)
amounts = st.one_of(st.integers(1, 12), st.integers(13, 90))
hours = st.integers(1, 6)
people = count()


class LedgerMachine(RuleBasedStateMachine):
    """Does everything twice, in the ledger and in the model, and compares every outcome and every refusal."""

    holds = Bundle("holds")
    charges = Bundle("charges")
    now = START

    def __init__(self):
        super().__init__()
        type(self).now = START
        self.app = ClientApp.objects.get(slug="penora")
        number = next(people)
        self.user, _ = accounts.register(user_id=f"m{number}", username="M", email=f"m{number}@x.org", app=self.app)
        self.whom = {"user": self.user, "app": self.app}
        self.book = Book()
        self.looking = True
        services.wallet_of(user=self.user)

    def refused(self, error, act, **call):
        """Whether `act` raises `error`; InsufficientCredits must also name the model's numbers."""
        with pytest.raises(error) as refusal:
            act(**self.whom, **call)
        if error is services.InsufficientCredits:
            facts = refusal.value.facts
            assert (facts["required"], facts["credits"]) == (call["amount"], self.book.available)
        return True

    @initialize(amount=amounts, ends=hours)
    def begin_with_credits_that_end_soon(self, amount, ends):
        self.grant("bonus", amount, ends)

    @rule(source=st.sampled_from(["bonus", "purchased"]), amount=amounts, ends=st.none() | hours)
    def grant(self, source, amount, ends):
        expires_at = ends and self.now + timedelta(hours=ends)
        services.grant(user=self.user, amount=amount, reason="r", source=source, expires_at=expires_at)
        self.book.give(source, amount, self.book.hour + ends if ends else NEVER)
        self.looking = True

    @rule(hours=hours, look=st.booleans())
    def wait(self, hours, look):
        type(self).now += timedelta(hours=hours)
        self.book.wait(hours)
        # Without a look the next call meets a wallet in which things are overdue.
        self.looking = look

    @rule(target=charges, amount=amounts)
    def charge(self, amount):
        self.looking = True
        expected = self.book.charge(amount)
        if expected is None:
            assert self.refused(services.InsufficientCredits, services.charge, amount=amount)
            return multiple()
        return services.charge(**self.whom, amount=amount), expected

    @rule(target=holds, amount=amounts, ttl=hours)
    def hold(self, amount, ttl):
        self.looking = True
        expected = self.book.reserve(amount, ttl)
        if expected is None:
            assert self.refused(services.InsufficientCredits, services.hold, amount=amount)
            return multiple()
        return services.hold(**self.whom, amount=amount, ttl_seconds=ttl * 3600), expected

    @rule(target=charges, held=holds, amount=st.integers(1, 40), final=st.booleans())
    def capture(self, held, amount, final):
        self.looking = True
        made, expected = held
        call = {"hold_id": made.id, "amount": amount, "final": final}
        if expected.status == "captured" and expected.last == amount:
            _, receipt = services.capture(**self.whom, **call)
            assert (receipt.hold_id, receipt.amount) == (made.id, -amount)
            return multiple()
        refusal = self.refusal_of_capture(expected, amount)
        if refusal is not None:
            assert self.refused(refusal, services.capture, **call)
            return multiple()
        _, entry = services.capture(**self.whom, **call)
        return entry, self.book.capture(expected, amount, final)

    def refusal_of_capture(self, expected, amount):
        ended = {"expired": services.HoldExpired, "captured": services.HoldSettled, "released": services.HoldSettled}
        if expected.status in ended:
            return ended[expected.status]
        return InvalidField if amount > expected.left else None

    @rule(held=holds)
    def release(self, held):
        self.looking = True
        made, expected = held
        refusal = {"expired": services.HoldExpired, "captured": services.HoldSettled}.get(expected.status)
        if refusal is not None:
            assert self.refused(refusal, services.release, hold_id=made.id)
            return
        assert services.release(**self.whom, hold_id=made.id).status == "released"
        if expected.status == "active":
            self.book.close(expected, "released")

    @rule(charged=charges, amount=st.none() | st.integers(1, 30))
    def refund(self, charged, amount):
        self.looking = True
        entry, expected = charged
        asked = expected.refundable if amount is None else amount
        call = {"entry_id": entry.id, "amount": amount, "reason": "r"}
        if not 0 < asked <= expected.refundable:
            assert self.refused(RefundTooLarge, services.refund, **call)
            return
        assert services.refund(**self.whom, **call).amount == asked
        self.book.refund(expected, asked)

    @invariant()
    def wallet_and_grants_are_what_the_model_says(self):
        if not self.looking:
            return
        wallet = services.wallet_of(user=self.user)
        assert (wallet.balance, wallet.held) == (self.book.balance, self.book.held)
        grants = Grant.objects.filter(wallet=wallet).order_by("id").values_list("source", "remaining", "held")
        assert list(grants) == [(pot.source, pot.left, pot.held) for pot in self.book.pots]

    def teardown(self):
        wallet = services.wallet_of(user=self.user)
        entries = list(Entry.objects.owned_by(self.user).select_related("app").order_by("version"))
        assert [entry.version for entry in entries] == list(range(1, wallet.version + 1))
        assert [entry.balance_after for entry in entries] == list(accumulate(entry.amount for entry in entries))
        assert entries[-1].balance_after == wallet.balance == self.book.balance
        moved = sum(Allocation.objects.filter(entry__wallet=wallet).values_list("amount", flat=True))
        assert moved == wallet.balance
        chained = accumulate(entries, ledger.chain, initial="")
        assert list(chained)[1:] == [entry.hash for entry in entries]


def test_the_ledger_does_what_the_model_does(db, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: LedgerMachine.now)
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=120,
            stateful_step_count=30,
            deadline=None,
            database=None,
            # Explaining a failure takes minutes and says little about a machine.
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
