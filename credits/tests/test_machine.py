"""Any order of everything that moves a wallet, and of hours: the ledger does what the model does."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count

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
from accounts.errors import DomainError, InvalidField
from accounts.models import ClientApp, Event
from credits import services
from credits.auditing import Tally, audit
from credits.models import ChargeKey, Entry, Grant
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
    STATUSES = {"cap": 429, "short": 402, "reused": 422}
    ENDED = {"expired": services.HoldExpired, "captured": services.HoldSettled, "released": services.HoldSettled}

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
        """Whether `act` raises `error`, with the model's numbers where it has any."""
        with pytest.raises(error) as refusal:
            act(**self.whom, **call)
        facts = refusal.value.facts
        if error is services.InsufficientCredits:
            assert (facts["required"], facts["credits"]) == (call["amount"], self.book.available)
        if error is services.SpendingCapReached:
            assert (facts["daily_cap"], facts["spent_today"]) == (self.book.cap, self.book.spent_today)
        return True

    def may_not(self, act, **call):
        """Whether the app may not take so much, and `act` says so."""
        errors = {"cap": services.SpendingCapReached, "short": services.InsufficientCredits}
        refusal = self.book.refusal_of(call["amount"])
        return refusal is not None and self.refused(errors[refusal], act, **call)

    @initialize(amount=amounts, ends=hours)
    def begin_with_credits_that_end_soon(self, amount, ends):
        self.grant("bonus", amount, ends, 100)

    @rule(
        source=st.sampled_from(["bonus", "purchased"]),
        amount=amounts,
        ends=st.none() | hours,
        priority=st.sampled_from([0, 100, 200]),
    )
    def grant(self, source, amount, ends, priority):
        terms = {"source": source, "expires_at": ends and self.now + timedelta(hours=ends), "priority": priority}
        services.grant(user=self.user, amount=amount, reason="r", **terms)
        self.book.give(source, amount, self.book.hour + ends if ends else NEVER, priority)
        self.looking = True

    @rule(cap=st.none() | st.integers(0, 60))
    def set_cap(self, cap):
        accounts.set_daily_cap(**self.whom, credits=cap)
        self.book.cap = cap

    @rule(mark=st.integers(0, 40))
    def set_mark(self, mark):
        services.set_low_mark(user=self.user, credits=mark)
        self.book.mark = mark
        self.looking = True

    @rule(amount=st.integers(1, 30), charged=st.none() | charges)
    def add(self, amount, charged):
        entry_id = charged[0].id if charged else ""
        services.adjust(user=self.user, amount=amount, reason="r", entry_id=entry_id)
        self.book.give("adjustment", amount)
        # Of a charge that staff made good the app gives back so much less.
        if charged:
            charged[1].made_good += amount
        self.looking = True

    @rule(amount=amounts)
    def take_away(self, amount):
        self.looking = True
        if amount > self.book.available:
            with pytest.raises(services.InsufficientCredits):
                services.adjust(user=self.user, amount=-amount, reason="r")
            return
        services.adjust(user=self.user, amount=-amount, reason="r")
        self.book.take(amount)

    @rule(hours=hours, look=st.booleans())
    def wait(self, hours, look):
        type(self).now += timedelta(hours=hours)
        self.book.wait(hours)
        # Without a look the next call meets a wallet in which things are overdue.
        self.looking = look

    @rule(target=charges, amount=amounts)
    def charge(self, amount):
        self.looking = True
        if self.may_not(services.charge, amount=amount):
            return multiple()
        return services.charge(**self.whom, amount=amount), self.book.charge(amount)

    @rule(
        target=charges,
        asked=st.lists(st.tuples(st.integers(0, 9), amounts), min_size=1, max_size=5),
        all_or_none=st.booleans(),
    )
    def charge_a_batch(self, asked, all_or_none):
        self.looking = True
        call = {"app": self.app, "orders": [self.order(*one) for one in asked], "atomic": all_or_none}
        if all_or_none and self.refused_batch(asked, call):
            return multiple()
        made = []
        for (key, amount), got in zip(asked, services.charge_batch(**call), strict=True):
            expected, again = self.book.answer(key, amount)
            status = self.STATUSES.get(expected, 200)
            assert (got.key, got.status, got.replayed) == (self.named(key), status, again)
            if status == 200 and not again:
                entry = Entry.objects.get(pk=got.answer["transaction_id"])
                assert (entry.amount, got.answer["credits_balance"]) == (-amount, entry.balance_after)
                made.append((entry, expected))
        return multiple(*made)

    def named(self, key):
        return f"{self.user.user_id}-{key}"

    def order(self, key, amount):
        return services.Order(key=self.named(key), fingerprint=str(amount), user=self.user, amount=amount)

    def refused_batch(self, asked, call):
        """Whether a batch that is to be done as a whole cannot be, and says which of its charges are why."""
        imagined = deepcopy(self.book)
        answers = [imagined.answer(*one)[0] for one in asked]
        refused = [(index, self.STATUSES[answer]) for index, answer in enumerate(answers) if answer in self.STATUSES]
        if refused:
            with pytest.raises(DomainError) as refusal:
                services.charge_batch(**call)
            assert refusal.value.status == refused[0][1]
            assert [(one["index"], one["status"]) for one in refusal.value.facts["refused"]] == refused
        return bool(refused)

    @rule(target=holds, amount=amounts, ttl=hours, size=st.integers(0, 9))
    def hold(self, amount, ttl, size):
        self.looking = True
        call = {"amount": amount, "ttl_seconds": ttl * 3600, "storage_bytes": size}
        if self.may_not(services.hold, **call):
            return multiple()
        return services.hold(**self.whom, **call), self.book.reserve(amount, ttl, size)

    @rule(held=holds, ttl=hours)
    def extend(self, held, ttl):
        self.looking = True
        made, expected = held
        call = {"hold_id": made.id, "ttl_seconds": ttl * 3600}
        refusal = self.ENDED.get(expected.status)
        if refusal is not None:
            assert self.refused(refusal, services.extend, **call)
            return
        expected.ends = max(expected.ends, self.book.hour + ttl)
        assert services.extend(**self.whom, **call).expires_at == START + timedelta(hours=expected.ends)

    @rule(target=charges, held=holds, amount=st.integers(1, 40), final=st.booleans())
    def capture(self, held, amount, final):
        self.looking = True
        made, expected = held
        call = {"hold_id": made.id, "amount": amount, "final": final}
        if expected.agrees(amount, final):
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
        if expected.status in self.ENDED:
            return self.ENDED[expected.status]
        return InvalidField if amount > expected.left else None

    @rule(held=holds, by_staff=st.booleans())
    def release(self, held, by_staff):
        self.looking = True
        made, expected = held
        if expected.status in {"expired", "captured"}:
            assert self.refused(self.ENDED[expected.status], services.release, hold_id=made.id)
            return
        app = None if by_staff else self.app
        assert services.release(user=self.user, app=app, hold_id=made.id).status == "released"
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
        assert services.reserved_bytes(user=self.user) == self.book.reserved_bytes
        assert Event.objects.filter(user=self.user, type="credits.low").count() == self.book.notices
        assert ChargeKey.objects.filter(key__startswith=self.named("")).count() == len(self.book.keys)

    def teardown(self):
        services.wallet_of(user=self.user)
        assert [str(fault) for fault in audit(Tally())] == []


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
