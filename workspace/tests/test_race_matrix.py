"""Every two of {charge, hold, capture, release, expire, refund, grant, delete user} at once, on one wallet, in real
threads: whoever comes first, the books add up, and a hold ends one way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import UserNotFound
from accounts.models import ClientApp, User
from accounts.tests.cast import Clock
from credits import auditing as ledger_audit
from credits import services as credits
from credits.models import Entry, Hold, Wallet
from credits.services import HoldExpired, HoldSettled, InsufficientCredits
from credits.services.charges import RefundTooLarge
from workspace import auditing as storage_audit
from workspace import services

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


@dataclass
class Scene:
    """Alice with a charge to refund, a hold to settle, and credits and another hold that end in half an hour."""

    user: User
    app: ClientApp
    clock: Clock
    charge: Entry
    held: Hold

    @property
    def whom(self) -> dict[str, Any]:
        return {"user": self.user, "app": self.app}


@pytest.fixture
def scene(alice: User, penora: ClientApp, clock: Clock) -> Scene:
    credits.grant(user=alice, amount=5, reason="Soon over", expires_at=timezone.now() + timedelta(minutes=30))
    charge = credits.charge(user=alice, app=penora, amount=8)
    services.hold(user=alice, app=penora, amount=4, storage_bytes=300, ttl_seconds=1800)
    held = services.hold(user=alice, app=penora, amount=10, storage_bytes=500, ttl_seconds=1800).hold
    return Scene(alice, penora, clock, charge, held)


def expire(scene: Scene) -> int:
    """Half an hour passes, and the sweeper comes."""
    scene.clock.ahead = timedelta(minutes=31)
    return credits.settle_due()


# What each does, and what may become of it beside success.
ACTS: dict[str, tuple[Callable[[Scene], Any], set[type]]] = {
    "charge": (lambda scene: credits.charge(**scene.whom, amount=9), {InsufficientCredits}),
    "hold": (lambda scene: services.hold(**scene.whom, amount=9, storage_bytes=50), {InsufficientCredits}),
    "capture": (lambda scene: credits.capture(**scene.whom, hold_id=scene.held.id), {HoldSettled, HoldExpired}),
    "release": (lambda scene: credits.release(**scene.whom, hold_id=scene.held.id), {HoldSettled, HoldExpired}),
    "expire": (expire, set()),
    "refund": (
        lambda scene: credits.refund(**scene.whom, entry_id=scene.charge.id, amount=3, reason="Torn"),
        {RefundTooLarge},
    ),
    "grant": (lambda scene: credits.grant(user=scene.user, amount=6, reason="Party"), set()),
    "delete user": (lambda scene: services.close_account(user=scene.user), set()),
}


@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(ACTS, 2)))
def test_whichever_comes_first_the_books_add_up(scene: Scene, race, one: str, other: str) -> None:
    names = [one, other, one, other]
    results = race(lambda number: ACTS[names[number]][0](scene), times=4)
    gone = {UserNotFound} if "delete user" in names else set()
    for name, result in zip(names, results, strict=True):
        assert not isinstance(result, Exception) or type(result) in ACTS[name][1] | gone, (name, result)
    assert [str(fault) for fault in ledger_audit.audit(ledger_audit.Tally())] == []
    assert list(storage_audit.audit(storage_audit.Tally())) == []
    assert ended_one_way(scene, names, results)
    assert left_is_what_was_done(scene, names, results)


def ended_one_way(scene: Scene, names: list[str], results: list[Any]) -> bool:
    """Whether everybody who was told of a settlement was told of the same one, and the hold says so, too."""
    status = Hold.objects.get(pk=scene.held.pk).status
    told = {"capture": "captured", "release": "released"}
    heard = {told[name] for name, result in zip(names, results, strict=True) if name in told and _done(result)}
    receipts = {result[1].pk for result in results if isinstance(result, tuple)}
    return heard <= {status} and len(receipts) == (status == "captured")


def left_is_what_was_done(scene: Scene, names: list[str], results: list[Any]) -> bool:
    """Whether the balance is what the acts that succeeded made of it."""
    wallet = Wallet.objects.get(pk=scene.user.pk)
    if "delete user" in names:
        return (wallet.balance, wallet.held) == (0, 0) and sum(map(_done, results)) >= 1
    moved = {"charge": -9, "refund": 3, "grant": 6}
    balance = 57 + sum(moved.get(name, 0) for name, result in zip(names, results, strict=True) if _done(result))
    entries = Entry.objects.owned_by(scene.user).filter(transaction_type="expired")
    expired = -sum(entries.values_list("amount", flat=True))
    captured = Hold.objects.get(pk=scene.held.pk).captured
    return wallet.balance == balance - expired - captured


def _done(result: Any) -> bool:
    return not isinstance(result, Exception)
