"""Holds: credits set aside, then captured, released, extended or expired; the first terminal settlement wins."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import AppMismatch, InvalidField, NotFound
from accounts.models import Event
from credits import services
from credits.models import Entry, Grant, Hold, HoldAllocation


@pytest.fixture
def held(alice, penora):
    services.wallet_of(user=alice)
    return services.hold(user=alice, app=penora, amount=20, storage_bytes=5000, description="A book")


def numbers(user):
    wallet = services.wallet_of(user=user)
    return wallet.available, wallet.balance, wallet.held


def test_a_hold_sets_credits_aside_without_spending_them(alice, held):
    assert numbers(alice) == (40, 60, 20)
    assert services.reserved_bytes(user=alice) == 5000
    assert Entry.objects.owned_by(alice).count() == 2
    assert timedelta(minutes=14) < held.expires_at - timezone.now() <= timedelta(minutes=15)
    assert Event.objects.filter(user=alice).latest("id").type == "hold.created"


def test_held_credits_cannot_be_charged_or_held_again(alice, penora, held, stored):
    before = stored()
    with pytest.raises(services.InsufficientCredits):
        services.charge(user=alice, app=penora, amount=41)
    with pytest.raises(services.InsufficientCredits):
        services.hold(user=alice, app=penora, amount=41)
    assert stored() == before
    assert services.charge(user=alice, app=penora, amount=40).balance_after == 20


def test_a_capture_charges_what_was_held_and_frees_the_bytes(alice, penora, held):
    hold, entry = services.capture(user=alice, app=penora, hold_id=held.id, project_code="ABC234")
    assert (hold.status, hold.captured) == ("captured", 20)
    assert (entry.amount, entry.hold, entry.description, entry.project_code) == (-20, held, "A book", "ABC234")
    assert numbers(alice) == (40, 40, 0)
    assert services.reserved_bytes(user=alice) == 0


def test_a_smaller_capture_lets_the_rest_go(alice, penora, held):
    hold, entry = services.capture(user=alice, app=penora, hold_id=held.id, amount=5)
    assert (hold.status, hold.captured, entry.amount) == ("captured", 5, -5)
    assert numbers(alice) == (55, 55, 0)
    assert sum(Grant.objects.values_list("remaining", flat=True)) == 55
    assert not HoldAllocation.objects.filter(amount__gt=0).exists()


def test_partial_captures_go_on_until_the_final_one(alice, penora, held):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    assert numbers(alice) == (40, 55, 15)
    services.capture(user=alice, app=penora, hold_id=held.id, amount=6, final=False)
    hold, _ = services.capture(user=alice, app=penora, hold_id=held.id, amount=1)
    assert (hold.status, hold.captured) == ("captured", 12)
    assert numbers(alice) == (48, 48, 0)


def test_partial_captures_that_use_it_up_end_the_hold(alice, penora, held):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    hold, _ = services.capture(user=alice, app=penora, hold_id=held.id, amount=15, final=False)
    assert hold.status == "captured"
    assert numbers(alice) == (40, 40, 0)


def test_no_more_is_captured_than_is_held(alice, penora, held, stored):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    before = stored()
    with pytest.raises(InvalidField):
        services.capture(user=alice, app=penora, hold_id=held.id, amount=16)
    assert stored() == before


@pytest.mark.parametrize("amount", [20, None])
def test_an_agreeing_capture_answers_with_the_same_receipt(alice, penora, held, stored, amount):
    _, first = services.capture(user=alice, app=penora, hold_id=held.id)
    before = stored()
    _, again = services.capture(user=alice, app=penora, hold_id=held.id, amount=amount)
    assert again == first
    assert stored() == before


def test_a_capture_that_would_go_on_does_not_agree_with_one_that_let_the_rest_go(alice, penora, held, stored):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5)
    before = stored()
    with pytest.raises(services.HoldSettled):
        services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    assert stored() == before


@pytest.mark.parametrize("final", [True, False])
def test_a_repeat_of_the_capture_that_used_it_up_agrees_however_it_ends(alice, penora, held, stored, final):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    _, last = services.capture(user=alice, app=penora, hold_id=held.id, amount=15, final=False)
    before = stored()
    _, again = services.capture(user=alice, app=penora, hold_id=held.id, amount=15, final=final)
    assert again == last
    with pytest.raises(services.HoldSettled):
        services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    assert stored() == before


@pytest.mark.parametrize("amount", [None, 19, 20])
def test_another_capture_than_the_first_is_refused(alice, penora, held, stored, amount):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5)
    before = stored()
    with pytest.raises(services.HoldSettled):
        services.capture(user=alice, app=penora, hold_id=held.id, amount=amount)
    assert stored() == before


def test_a_release_gives_everything_back_and_may_be_repeated(alice, penora, held, stored):
    assert services.release(user=alice, app=penora, hold_id=held.id).status == "released"
    assert numbers(alice) == (60, 60, 0)
    assert Entry.objects.owned_by(alice).count() == 2
    before = stored()
    assert services.release(user=alice, app=penora, hold_id=held.id).status == "released"
    assert stored() == before


def test_the_first_settlement_wins(alice, penora, held):
    services.release(user=alice, app=penora, hold_id=held.id)
    with pytest.raises(services.HoldSettled):
        services.capture(user=alice, app=penora, hold_id=held.id)
    with pytest.raises(services.HoldSettled):
        services.extend(user=alice, app=penora, hold_id=held.id, ttl_seconds=60)
    other = services.hold(user=alice, app=penora, amount=3)
    services.capture(user=alice, app=penora, hold_id=other.id)
    with pytest.raises(services.HoldSettled) as refusal:
        services.release(user=alice, app=penora, hold_id=other.id)
    assert refusal.value.facts == {"hold_status": "captured", "captured": 3}
    assert numbers(alice) == (57, 57, 0)


def test_a_hold_is_expired_from_its_last_second_on_though_nothing_swept_it(alice, penora, held, clock):
    clock.forward(minutes=15)
    assert services.reserved_bytes(user=alice) == 0
    assert numbers(alice) == (60, 60, 0)
    assert services.hold_of(user=alice, hold_id=held.id).status == "expired"
    assert services.charge(user=alice, app=penora, amount=60).balance_after == 0


@pytest.mark.parametrize(
    "settle",
    [services.capture, services.release, lambda **call: services.extend(**call, ttl_seconds=60)],
    ids=["capture", "release", "extend"],
)
@pytest.mark.parametrize("swept", [False, True])
def test_an_expired_hold_cannot_be_settled(alice, penora, held, clock, settle, swept):
    clock.forward(minutes=16)
    if swept:
        services.settle_due()
    with pytest.raises(services.HoldExpired):
        settle(user=alice, app=penora, hold_id=held.id)
    assert services.hold_of(user=alice, hold_id=held.id).status == "expired"
    assert numbers(alice) == (60, 60, 0)


def test_what_was_captured_before_the_expiry_stays_captured(alice, penora, held, clock):
    services.capture(user=alice, app=penora, hold_id=held.id, amount=5, final=False)
    clock.forward(minutes=16)
    assert numbers(alice) == (55, 55, 0)
    assert services.hold_of(user=alice, hold_id=held.id).captured == 5


def test_an_extended_hold_lives_longer(alice, penora, held, clock):
    services.extend(user=alice, app=penora, hold_id=held.id, ttl_seconds=3600)
    clock.forward(minutes=59)
    assert services.hold_of(user=alice, hold_id=held.id).status == "active"
    assert numbers(alice) == (40, 60, 20)
    clock.forward(minutes=2)
    assert numbers(alice) == (60, 60, 0)


def test_a_late_repeat_of_an_extension_does_not_shorten_the_hold(alice, penora, held):
    longer = services.extend(user=alice, app=penora, hold_id=held.id, ttl_seconds=3600)
    assert services.extend(user=alice, app=penora, hold_id=held.id, ttl_seconds=60).expires_at == longer.expires_at


def test_held_credits_outlive_their_grant_and_expire_when_let_go(alice, penora, clock):
    services.grant(user=alice, amount=10, reason="Hour", expires_at=timezone.now() + timedelta(hours=1))
    held = services.hold(user=alice, app=penora, amount=10, ttl_seconds=7200)
    clock.forward(minutes=90)
    assert numbers(alice) == (60, 70, 10)
    _, entry = services.capture(user=alice, app=penora, hold_id=held.id, amount=4)
    assert entry.amount == -4
    assert numbers(alice) == (60, 60, 0)
    last = Entry.objects.owned_by(alice).latest("version")
    assert (last.transaction_type, last.amount) == ("expired", -6)


def test_a_captured_charge_can_be_refunded(alice, penora, held):
    _, entry = services.capture(user=alice, app=penora, hold_id=held.id)
    services.refund(user=alice, app=penora, entry_id=entry.id, amount=12, reason="Torn")
    services.refund(user=alice, app=penora, entry_id=entry.id, reason="The rest")
    assert numbers(alice) == (60, 60, 0)
    assert not Grant.objects.exclude(remaining=50, source="base").exclude(remaining=10, source="bonus").exists()


@pytest.mark.parametrize("settle", [services.capture, services.release])
def test_a_hold_is_settled_by_its_app_for_its_person_alone(alice, bob, penora, imagegene, held, settle, stored):
    services.wallet_of(user=bob)
    before = stored()
    with pytest.raises(AppMismatch):
        settle(user=alice, app=imagegene, hold_id=held.id)
    with pytest.raises(NotFound):
        settle(user=bob, app=penora, hold_id=held.id)
    with pytest.raises(NotFound):
        services.hold_of(user=bob, hold_id=held.id)
    assert stored() == before
    assert Hold.objects.get().status == "active"
