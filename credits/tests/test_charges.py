"""Charging, burn order, expiry, refunds and the daily cap, through the services."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.errors import AppMismatch, InvalidField, NotFound
from accounts.models import Event
from credits import ledger, services
from credits.models import Entry, Grant, Price, Wallet
from credits.services.charges import RefundTooLarge


@pytest.fixture
def wallet(alice):
    return services.wallet_of(user=alice)


def remaining(**which):
    return list(Grant.objects.filter(**which).order_by("id").values_list("remaining", flat=True))


def in_days(days):
    return timezone.now() + timedelta(days=days)


def test_a_wallet_opens_once_with_fifty_base_and_ten_bonus_credits(alice, bob):
    services.wallet_of(user=alice)
    services.wallet_of(user=alice)
    entries = Entry.objects.owned_by(alice).order_by("version")
    assert list(entries.values_list("transaction_type", "amount", "balance_after")) == [
        ("base", 50, 50),
        ("bonus", 10, 60),
    ]
    assert not Entry.objects.owned_by(bob).exists()


def test_a_charge_takes_credits_and_says_what_for(alice, penora, wallet):
    entry = services.charge(user=alice, app=penora, amount=7, description="Seven pages", project_code="ABC234")
    assert (entry.transaction_type, entry.amount, entry.balance_after) == ("used", -7, 53)
    assert (entry.app, entry.description, entry.project_code) == (penora, "Seven pages", "ABC234")
    assert services.wallet_of(user=alice).available == 53
    fact = Event.objects.filter(user=alice).latest("id")
    assert (fact.type, fact.data["transaction_id"], fact.data["credits"]) == ("credits.changed", entry.id, 53)


def test_a_charge_can_take_the_very_last_credit_and_not_one_more(alice, penora, wallet, stored):
    services.charge(user=alice, app=penora, amount=60)
    before = stored()
    with pytest.raises(services.InsufficientCredits) as refusal:
        services.charge(user=alice, app=penora, amount=1)
    assert refusal.value.facts["required"] == 1
    assert refusal.value.facts["credits"] == 0
    assert refusal.value.facts["shortfall"] == 1
    assert stored() == before


@pytest.mark.parametrize("amount", [0, -5])
def test_an_impossible_amount_is_stopped_by_the_database_at_the_latest(alice, penora, wallet, stored, amount):
    services.charge(user=alice, app=penora, amount=20)
    before = stored()
    with pytest.raises(IntegrityError), transaction.atomic():
        services.charge(user=alice, app=penora, amount=amount)
    assert stored() == before


def test_an_operation_costs_what_the_price_book_says(alice, imagegene, wallet):
    entry = services.charge(user=alice, app=imagegene, operation="image_generation", quantity=3)
    assert entry.amount == -6


def test_an_app_cannot_buy_what_only_another_app_sells(alice, penora, wallet, stored):
    before = stored()
    with pytest.raises(InvalidField):
        services.charge(user=alice, app=penora, operation="image_generation", quantity=1)
    assert stored() == before


def test_a_new_price_counts_from_now_on_and_leaves_the_past_alone(alice, penora, wallet):
    old = services.charge(user=alice, app=penora, operation="page_generation", quantity=2)
    held = services.hold(user=alice, app=penora, operation="page_generation", quantity=2)
    Price.objects.create(app=penora, operation="page_generation", unit="page", credits=4)
    new = services.charge(user=alice, app=penora, operation="page_generation", quantity=2)
    _, captured = services.capture(user=alice, app=penora, hold_id=held.id)
    old.refresh_from_db()
    assert (old.amount, new.amount, captured.amount) == (-2, -8, -2)


def test_an_app_pays_its_own_price_before_the_one_for_any_app(alice, penora, imagegene, wallet):
    Price.objects.create(app=penora, operation="advanced_feature", credits=9)
    own = services.charge(user=alice, app=penora, operation="advanced_feature")
    common = services.charge(user=alice, app=imagegene, operation="advanced_feature")
    assert (own.amount, common.amount) == (-9, -3)


def test_credits_burn_by_priority_then_expiry_then_kind_then_age(alice, penora, wallet):
    give = {"user": alice, "amount": 10, "reason": "r"}
    services.grant(**give, source="purchased")
    late = services.grant(**give, source="purchased", expires_at=in_days(9))
    soon = services.grant(**give, expires_at=in_days(2))
    first = services.grant(**give, source="purchased")
    Grant.objects.filter(allocations__entry=first).update(priority=1)
    ids = [entry.allocations.get().grant_id for entry in (first, soon, late)]
    bonus, base = Grant.objects.get(source="bonus", amount=10, expires_at=None).pk, Grant.objects.get(source="base").pk
    entry = services.charge(user=alice, app=penora, amount=95)
    drawn = list(entry.allocations.order_by("id").values_list("grant_id", "amount"))
    assert drawn[:5] == [(ids[0], -10), (ids[1], -10), (ids[2], -10), (bonus, -10), (base, -50)]
    assert [amount for _, amount in drawn[5:]] == [-5]


def test_an_expired_grant_cannot_be_spent_though_nothing_swept_it(alice, penora, wallet, clock):
    services.grant(user=alice, amount=40, reason="Week", expires_at=in_days(7))
    assert services.wallet_of(user=alice).available == 100
    clock.forward(days=7)
    with pytest.raises(services.InsufficientCredits):
        services.charge(user=alice, app=penora, amount=61)
    assert services.wallet_of(user=alice).available == 60
    written_off = Entry.objects.owned_by(alice).latest("version")
    assert (written_off.transaction_type, written_off.amount, written_off.app) == ("expired", -40, None)


def test_the_sweeper_finds_what_no_one_looked_at_and_runs_twice_safely(alice, bob, penora, wallet, clock, stored):
    services.grant(user=alice, amount=40, reason="Week", expires_at=in_days(7))
    services.hold(user=bob, app=penora, amount=5, ttl_seconds=60)
    clock.forward(days=8)
    services.settle_due()
    # Straight from the table: nobody has looked through the services, which would settle by themselves.
    assert list(Wallet.objects.order_by("pk").values_list("balance", "held")) == [(60, 0), (60, 0)]
    after = stored()
    services.settle_due()
    assert stored() == after


def test_a_grant_that_expires_after_the_wallet_was_settled_still_pays(alice, penora, wallet, clock):
    services.grant(user=alice, amount=5, reason="Hour", expires_at=in_days(1))
    locked = ledger.lock(alice)
    clock.forward(days=2)
    assert sum(part for _, part in ledger.draw(locked, 65)) == 65


def test_a_grant_must_expire_in_the_future(alice, wallet, stored):
    before = stored()
    with pytest.raises(InvalidField):
        services.grant(user=alice, amount=5, reason="Late", expires_at=timezone.now())
    assert stored() == before


def test_many_grants_come_all_or_none(alice, bob, penora, wallet, stored):
    services.wallet_of(user=bob)
    entries = services.grant_many(users=[bob, alice], amount=5, reason="Party", app=penora)
    assert [(entry.wallet_id, entry.amount, entry.app_name) for entry in entries] == [
        (alice.pk, 5, "penora"),
        (bob.pk, 5, "penora"),
    ]
    before = stored()
    with pytest.raises(InvalidField):
        services.grant_many(users=[alice, bob], amount=5, reason="Late", expires_at=timezone.now())
    assert stored() == before


def test_an_adjustment_goes_both_ways_and_never_below_zero(alice, penora, wallet, stored):
    charge = services.charge(user=alice, app=penora, amount=10)
    up = services.adjust(user=alice, amount=5, reason="Sorry", entry_id=charge.id)
    down = services.adjust(user=alice, amount=-15, reason="Mistake", entry_id=charge.id)
    assert [(entry.transaction_type, entry.amount, entry.related) for entry in (up, down)] == [
        ("adjustment", 5, charge),
        ("adjustment", -15, charge),
    ]
    before = stored()
    with pytest.raises(services.InsufficientCredits):
        services.adjust(user=alice, amount=-41, reason="Too much")
    assert stored() == before


def test_every_entry_is_chained_to_the_one_before(alice, penora, wallet):
    charge = services.charge(user=alice, app=penora, amount=10, description="x", project_code="ABC234")
    services.refund(user=alice, app=penora, entry_id=charge.id, amount=4, reason="Half")
    entries = list(Entry.objects.owned_by(alice).select_related("app").order_by("version"))
    assert [entry.version for entry in entries] == [1, 2, 3, 4]
    head = ""
    for entry in entries:
        head = ledger.chain(head, entry)
        assert entry.hash == head
    assert services.wallet_of(user=alice).head_hash == head
    entries[2].amount = -1
    assert ledger.chain(entries[1].hash, entries[2]) != entries[2].hash


def test_a_refund_gives_back_to_the_grants_that_paid(alice, penora, wallet):
    charge = services.charge(user=alice, app=penora, amount=15, project_code="ABC234")
    assert (remaining(source="bonus"), remaining(source="base")) == ([0], [45])
    part = services.refund(user=alice, app=penora, entry_id=charge.id, amount=7, reason="Blurred")
    assert (part.amount, part.related, part.project_code, part.description) == (7, charge, "ABC234", "Blurred")
    assert (remaining(source="bonus"), remaining(source="base")) == ([2], [50])
    rest = services.refund(user=alice, app=penora, entry_id=charge.id, reason="All of it")
    assert (rest.amount, rest.balance_after) == (8, 60)
    assert (remaining(source="bonus"), remaining(source="base")) == ([10], [50])


@pytest.mark.parametrize("amount", [None, 1])
def test_nothing_is_refunded_twice(alice, penora, wallet, stored, amount):
    charge = services.charge(user=alice, app=penora, amount=15)
    services.refund(user=alice, app=penora, entry_id=charge.id, reason="Once")
    before = stored()
    with pytest.raises(RefundTooLarge):
        services.refund(user=alice, app=penora, entry_id=charge.id, amount=amount, reason="Twice")
    assert stored() == before


@pytest.mark.parametrize("correction", [0, -20, 4])
def test_no_refund_is_larger_than_what_is_left_of_the_charge(alice, penora, wallet, correction):
    charge = services.charge(user=alice, app=penora, amount=15)
    if correction:
        services.adjust(user=alice, amount=correction, reason="Correction", entry_id=charge.id)
    with pytest.raises(RefundTooLarge):
        services.refund(user=alice, app=penora, entry_id=charge.id, amount=16 - max(correction, 0), reason="More")
    whole = services.refund(user=alice, app=penora, entry_id=charge.id, reason="All")
    assert whole.amount == 15 - max(correction, 0)
    back = [(part.grant.source, part.amount) for part in whole.allocations.order_by("id")]
    assert back == [("base", 5), ("bonus", 10 - max(correction, 0))]


@pytest.mark.parametrize("correction", [15, 20])
@pytest.mark.parametrize("amount", [None, 1])
def test_a_charge_that_staff_made_good_is_not_refunded_as_well(alice, penora, wallet, stored, correction, amount):
    charge = services.charge(user=alice, app=penora, amount=15)
    services.adjust(user=alice, amount=correction, reason="Sorry", entry_id=charge.id)
    before = stored()
    with pytest.raises(RefundTooLarge) as refusal:
        services.refund(user=alice, app=penora, entry_id=charge.id, amount=amount, reason="More")
    assert refusal.value.facts == {"refundable": 0, "charged": 15}
    assert stored() == before


def test_only_the_charging_app_refunds_only_charges_of_that_person(alice, bob, penora, imagegene, wallet, stored):
    charge = services.charge(user=alice, app=penora, amount=15)
    services.wallet_of(user=bob)
    gift = services.grant(user=alice, amount=5, reason="Gift", app=penora)
    before = stored()
    with pytest.raises(AppMismatch):
        services.refund(user=alice, app=imagegene, entry_id=charge.id, reason="r")
    with pytest.raises(NotFound):
        services.refund(user=bob, app=penora, entry_id=charge.id, reason="r")
    with pytest.raises(InvalidField):
        services.refund(user=alice, app=penora, entry_id=gift.id, reason="r")
    assert stored() == before


def test_a_refund_revives_an_expired_grant_for_thirty_days(alice, penora, wallet, clock):
    services.grant(user=alice, amount=10, reason="Day", expires_at=in_days(1))
    charge = services.charge(user=alice, app=penora, amount=10)
    clock.forward(days=2)
    services.refund(user=alice, app=penora, entry_id=charge.id, reason="Late")
    assert services.wallet_of(user=alice).available == 70
    clock.forward(days=29)
    assert services.wallet_of(user=alice).available == 70
    clock.forward(days=2)
    assert services.wallet_of(user=alice).available == 60


def test_refunded_credits_expire_when_their_grant_does(alice, penora, wallet, clock):
    services.grant(user=alice, amount=10, reason="Days", expires_at=in_days(5))
    charge = services.charge(user=alice, app=penora, amount=10)
    services.hold(user=alice, app=penora, amount=1, ttl_seconds=60)
    clock.forward(days=1)
    services.wallet_of(user=alice)
    services.refund(user=alice, app=penora, entry_id=charge.id, reason="Back")
    clock.forward(days=5)
    with pytest.raises(services.InsufficientCredits):
        services.charge(user=alice, app=penora, amount=61)
    assert services.wallet_of(user=alice).available == 60


def test_a_daily_cap_counts_charges_and_holds_of_that_app_alone(alice, penora, imagegene, wallet, stored):
    accounts.set_daily_cap(user=alice, app=penora, credits=10)
    charge = services.charge(user=alice, app=penora, amount=4)
    held = services.hold(user=alice, app=penora, amount=5)
    services.charge(user=alice, app=imagegene, amount=20)
    before = stored()
    for take in (services.charge, services.hold):
        with pytest.raises(services.SpendingCapReached) as refusal:
            take(user=alice, app=penora, amount=2)
        assert refusal.value.facts == {"daily_cap": 10, "spent_today": 9, "required": 2}
        assert 0 < int(refusal.value.headers["Retry-After"]) <= 86_400
    assert stored() == before
    services.capture(user=alice, app=penora, hold_id=held.id, amount=2)
    services.refund(user=alice, app=penora, entry_id=charge.id, reason="Back")
    services.charge(user=alice, app=penora, amount=8)
    with pytest.raises(services.SpendingCapReached):
        services.charge(user=alice, app=penora, amount=1)


def test_a_daily_cap_starts_again_the_next_day(alice, penora, wallet, clock):
    accounts.set_daily_cap(user=alice, app=penora, credits=10)
    services.charge(user=alice, app=penora, amount=10)
    clock.forward(days=1)
    assert services.charge(user=alice, app=penora, amount=10).balance_after == 40
