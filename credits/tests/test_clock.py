"""A clock that jumps, by a month forwards or an hour or a day back: expiry, caps, ids and the chain stay consistent."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import services as accounts
from credits import models, services
from credits.auditing import Tally, audit
from credits.models import Entry

JUMPS = [{"days": 30}, {"hours": -1}, {"days": -1}, {"days": -40}]


def right():
    assert [str(fault) for fault in audit(Tally())] == []
    return True


def soon(**duration):
    return timezone.now() + timedelta(**duration)


@pytest.mark.parametrize("jump", JUMPS)
def test_everything_goes_on_after_a_jump(alice, penora, clock, jump):
    services.grant(user=alice, amount=5, reason="Week", expires_at=soon(days=7))
    charge = services.charge(user=alice, app=penora, amount=8)
    held = services.hold(user=alice, app=penora, amount=4)
    clock.forward(**jump)
    services.refund(user=alice, app=penora, entry_id=charge.id, amount=2, reason="Torn")
    if "days" in jump and jump["days"] > 0:
        with pytest.raises(services.HoldExpired):
            services.capture(user=alice, app=penora, hold_id=held.id)
    else:
        services.capture(user=alice, app=penora, hold_id=held.id)
    services.grant(user=alice, amount=3, reason="Party", expires_at=soon(hours=2))
    services.charge(user=alice, app=penora, amount=5)
    clock.forward(hours=3)
    services.settle_due()
    versions = Entry.objects.owned_by(alice).order_by("version").values_list("version", flat=True)
    assert list(versions) == list(range(1, len(versions) + 1))
    assert right()


def test_what_has_expired_stays_expired_when_the_clock_goes_back(alice, clock):
    services.grant(user=alice, amount=5, reason="Day", expires_at=soon(days=1))
    clock.forward(days=2)
    assert services.wallet_of(user=alice).balance == 60
    clock.forward(days=-2)
    assert services.wallet_of(user=alice).balance == 60
    assert services.settle_due() == 0
    assert right()


def test_what_was_not_settled_yet_is_not_lost_to_a_clock_that_was_wrong(alice, penora, clock):
    services.grant(user=alice, amount=5, reason="Day", expires_at=soon(days=1))
    clock.forward(days=-1)
    assert services.wallet_of(user=alice).balance == 65
    clock.forward(days=1, hours=23)
    assert services.wallet_of(user=alice).balance == 65
    clock.forward(hours=1)
    assert services.wallet_of(user=alice).balance == 60
    assert right()


def test_a_hold_lives_as_long_as_the_clock_says_wherever_it_jumps(alice, penora, clock):
    held = services.hold(user=alice, app=penora, amount=4, ttl_seconds=600)
    clock.forward(hours=-1)
    assert services.hold_of(user=alice, hold_id=held.id).status == "active"
    assert services.extend(user=alice, app=penora, hold_id=held.id, ttl_seconds=60).expires_at == held.expires_at
    clock.forward(days=30)
    assert services.hold_of(user=alice, hold_id=held.id).status == "expired"
    clock.forward(days=-30)
    assert services.hold_of(user=alice, hold_id=held.id).status == "expired"
    assert services.wallet_of(user=alice).held == 0
    assert right()


def test_a_refund_after_a_jump_revives_what_expired_in_between(alice, penora, clock):
    services.grant(user=alice, amount=5, reason="Day", expires_at=soon(days=1))
    charge = services.charge(user=alice, app=penora, amount=5)
    clock.forward(days=30)
    services.refund(user=alice, app=penora, entry_id=charge.id, reason="Torn")
    [expiring] = services.expiring(user=alice)
    assert (expiring["amount"], expiring["expires_at"] - timezone.now() > timedelta(days=29)) == (5, True)
    clock.forward(days=-1)
    assert services.wallet_of(user=alice).balance == 65
    assert right()


def test_a_cap_counts_the_day_that_the_clock_says(alice, penora, clock):
    accounts.set_daily_cap(user=alice, app=penora, credits=5)
    spend = {"user": alice, "app": penora, "amount": 5}
    services.charge(**spend)
    clock.forward(days=1)
    services.charge(**spend)
    clock.forward(days=-1)
    with pytest.raises(services.SpendingCapReached) as refusal:
        services.charge(**spend)
    assert refusal.value.facts["spent_today"] == 5
    clock.forward(days=-1)
    services.charge(**spend)
    clock.forward(days=3)
    services.charge(**spend)
    assert right()


def test_ids_differ_however_the_clock_stands(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_900_000_000_000_000_000)
    ids = {models.new_entry_id() for _ in range(1000)}
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
    earlier = {models.new_entry_id() for _ in range(1000)}
    assert len(ids | earlier) == 2000
    assert max(earlier) < min(ids)


def test_the_newest_entry_comes_first_though_its_time_is_earlier(alice, penora, penora_api, clock):
    first = services.charge(user=alice, app=penora, amount=1)
    clock.forward(days=-1)
    second = services.charge(user=alice, app=penora, amount=2)
    rows = penora_api.get("/api/unified/transactions", {"user_id": "alice", "limit": 2}).json()["results"]
    assert [row["transaction_id"] for row in rows] == [second.id, first.id]
    assert second.created_at < first.created_at
