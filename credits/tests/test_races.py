"""The ledger under many threads: nothing is lost, nothing is spent or settled twice."""

from collections import Counter
from itertools import accumulate

import pytest

from accounts import services as accounts
from accounts.tests.cast import client_of
from credits import services
from credits.models import Entry, Grant, Hold

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def wallet(alice):
    return services.wallet_of(user=alice)


def adds_up(user, *, balance, held=0):
    """Whether wallet, entries and grants all say `balance`, entry by entry."""
    wallet = services.wallet_of(user=user)
    entries = list(Entry.objects.owned_by(user).order_by("version"))
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.balance_after for entry in entries] == list(accumulate(entry.amount for entry in entries))
    total = sum(entry.amount for entry in entries)
    grants = list(Grant.objects.filter(wallet=wallet).values_list("remaining", "held"))
    assert sum(remaining for remaining, _ in grants) == total == wallet.balance == balance
    assert sum(part for _, part in grants) == wallet.held == held
    return True


def test_racing_charges_spend_each_credit_exactly_once(alice, penora, wallet, race):
    results = race(lambda _: services.charge(user=alice, app=penora, amount=1), times=150)
    assert Counter(type(result) for result in results) == {Entry: 60, services.InsufficientCredits: 90}
    assert adds_up(alice, balance=0)


def test_racing_first_touches_open_one_wallet(alice, race):
    wallets = race(lambda _: services.wallet_of(user=alice), times=12)
    assert [wallet.balance for wallet in wallets] == [60] * 12
    assert adds_up(alice, balance=60)


def test_racing_holds_set_each_credit_aside_once(alice, penora, wallet, race):
    results = race(lambda _: services.hold(user=alice, app=penora, amount=7), times=24)
    assert Counter(type(result) for result in results) == {Hold: 8, services.InsufficientCredits: 16}
    assert adds_up(alice, balance=60, held=56)


@pytest.mark.parametrize("turn", range(4))
def test_a_hold_is_captured_or_released_never_both(alice, penora, wallet, race, turn):
    held = services.hold(user=alice, app=penora, amount=20)

    def settle(number):
        act = services.capture if number % 2 == turn % 2 else services.release
        return act(user=alice, app=penora, hold_id=held.id)

    results = race(settle, times=12)
    held.refresh_from_db()
    assert held.status in {"captured", "released"}
    refused = [result for result in results if isinstance(result, services.HoldSettled)]
    assert len(refused) == 6
    assert all(isinstance(result, (services.HoldSettled, Hold, tuple)) for result in results)
    receipts = {result[1].pk for result in results if isinstance(result, tuple)}
    assert len(receipts) == (1 if held.status == "captured" else 0)
    assert adds_up(alice, balance=40 if held.status == "captured" else 60)


def test_racing_partial_captures_never_take_more_than_was_held(alice, penora, wallet, race):
    held = services.hold(user=alice, app=penora, amount=10)
    results = race(lambda _: services.capture(user=alice, app=penora, hold_id=held.id, amount=3, final=False), times=12)
    assert sum(isinstance(result, tuple) for result in results) == 3
    assert adds_up(alice, balance=51, held=1)


def test_racing_refunds_give_a_charge_back_once(alice, penora, wallet, race):
    charge = services.charge(user=alice, app=penora, amount=15)
    results = race(
        lambda _: services.refund(user=alice, app=penora, entry_id=charge.id, amount=4, reason="Torn"), times=12
    )
    assert sum(isinstance(result, Entry) for result in results) == 3
    assert adds_up(alice, balance=57)


def test_bonuses_to_the_same_people_in_any_order_do_not_deadlock(alice, bob, penora, wallet, race):
    def give(number):
        users = [alice, bob] if number % 2 else [bob, alice]
        return services.grant_many(users=users, amount=1, reason="Party", app=penora)

    results = race(give, times=24)
    assert [len(result) for result in results] == [2] * 24
    assert adds_up(alice, balance=84)
    assert adds_up(bob, balance=84)


def test_a_daily_cap_cannot_be_raced(alice, penora, wallet, race):
    accounts.set_daily_cap(user=alice, app=penora, credits=5)
    results = race(lambda _: services.charge(user=alice, app=penora, amount=1), times=24)
    assert Counter(type(result) for result in results) == {Entry: 5, services.SpendingCapReached: 19}
    assert adds_up(alice, balance=55)


def test_one_idempotency_key_charges_once_however_many_send_it(alice, penora_key, wallet, race):
    body = {"user_id": "alice", "amount": 4, "app_name": "penora", "description": "Once"}

    def send(_):
        return client_of(penora_key).post(
            "/api/unified/deduct-credits", body, format="json", headers={"Idempotency-Key": "once"}
        )

    answers = race(send, times=24)
    done = [answer for answer in answers if answer.status_code == 200]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(waiting) == 24
    assert len({answer.content for answer in done}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in done) == 1
    assert {answer.json()["code"] for answer in waiting} <= {"idempotency_in_progress"}
    assert adds_up(alice, balance=56)
