"""The plug is pulled at every statement of every write: what is there is what was before, and a retry succeeds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from credits import auditing as ledger_audit
from credits import services as credits
from credits.models import Purchase
from unified.tests.writes import routes, write_of
from workspace import auditing as storage_audit
from workspace import content
from workspace import services as workspace

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/unified"


class Plug:
    """Lets `left` statements through; the next one fails, and with it everything that is not committed yet."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.pulled = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.left == 0 and not self.pulled:
            self.pulled = True
            raise OperationalError("the plug was pulled")
        self.left -= 1
        return execute(sql, params, many, context)


@contextmanager
def pulled_after(statements: int) -> Iterator[Plug]:
    plug = Plug(statements)
    with connection.execute_wrapper(plug):
        yield plug


def survives(act: Callable[[], bool], stored: Callable[[], Any]) -> int:
    """Run `act` with the plug pulled at its first statement, its second, … until it gets through; returns how many.

    `act` says whether it succeeded. Before that, nothing may have changed."""
    before = stored()
    for statements in count():
        with pulled_after(statements) as plug:
            done = act()
        assert done is not plug.pulled, f"statement {statements} failed, and the write did not say so"
        if done:
            return statements
        assert stored() == before, f"something was left behind by a failure at statement {statements}"
    raise AssertionError


def right() -> bool:
    faults = [*map(str, ledger_audit.audit(ledger_audit.Tally())), *storage_audit.audit(storage_audit.Tally())]
    assert faults == []
    return True


@pytest.mark.parametrize("route", routes())
def test_a_request_that_fails_anywhere_leaves_nothing_and_succeeds_the_next_time(
    alice, bob, penora_api, stored, shop, monkeypatch, route
):
    for user in (alice, bob):
        credits.wallet_of(user=user)
        workspace.workspace_of(user=user)

    def post(path: str, body: dict[str, Any]) -> Any:
        return penora_api.post(f"{API}/{path}", body, format="json").json()

    write = write_of(route, post)
    penora_api.get(f"{API}/prices")
    statuses = []

    def act() -> bool:
        answer = penora_api.post(f"{API}/{write.path}", write.body, format="json", headers={"Idempotency-Key": "k"})
        statuses.append(answer.status_code)
        assert answer.status_code in {200, 201, 500}, answer.content
        return answer.status_code < 300

    def promised() -> dict[str, Any]:
        """All rows but purchases: one is written down before its payment page is asked for, and committed."""
        return {name: rows for name, rows in stored().items() if name != "Purchase"}

    statements = survives(act, promised if route == "checkout" else stored)
    # Of a page that was asked for and not heard of nobody knows the address.
    assert Purchase.objects.payable(timezone.now()).count() == (route == "checkout")
    assert statements >= 5
    assert statuses[:-1] == [500] * statements
    assert right()
    again = penora_api.post(f"{API}/{write.path}", write.body, format="json", headers={"Idempotency-Key": "k"})
    assert again["Idempotency-Replayed"] == "true"


def _hold(user: Any, app: Any, **terms: Any) -> str:
    return credits.hold(user=user, app=app, amount=6, **terms).id


def _text(user: Any, app: Any, **terms: Any) -> Any:
    fields = {"project_type": "text", "title": "Night", "prepared": content.prepare_text("Nobody sleeps.", "none")}
    return workspace.save_project(user=user, app=app, **fields, **terms)


def _batch(user: Any, app: Any, *amounts: int, **terms: Any) -> Any:
    orders = [credits.Order(key=f"{one}", fingerprint="f", user=user, amount=one) for one in amounts]
    return credits.charge_batch(app=app, orders=orders, **terms)


def _overdue(user: Any, app: Any, clock: Any) -> Callable[[], Any]:
    credits.grant(user=user, amount=5, reason="Soon", expires_at=timezone.now() + timedelta(minutes=1))
    _hold(user, app, ttl_seconds=30)
    clock.forward(minutes=2)
    return lambda: credits.wallet_of(user=user)


# Each prepares what it needs and returns the act.
SERVICES: dict[str, Callable[[Any, Any, Any], Callable[[], Any]]] = {
    "open a wallet": lambda user, app, _: lambda: credits.wallet_of(user=user),
    "settle": _overdue,
    "charge past the low mark": lambda user, app, _: lambda: credits.charge(user=user, app=app, amount=55),
    "charge a batch": lambda user, app, _: lambda: _batch(user, app, 10, 50, 61),
    "charge a batch as a whole": lambda user, app, _: lambda: _batch(user, app, 10, 50, atomic=True),
    "correct": lambda user, app, _: lambda: credits.adjust(user=user, amount=-3, reason="Oops"),
    "grant once": lambda user, app, _: lambda: credits.grant_once(key="k", users=[user], amount=3, reason="Party"),
    "save with a charge": lambda user, app, _: lambda: _text(user, app, charge={"amount": 2}),
    "save with a hold": lambda user, app, _: (lambda hold_id: lambda: _text(user, app, hold_id=hold_id))(
        _hold(user, app, storage_bytes=100)
    ),
    "close the account": lambda user, app, _: (lambda *made: lambda: workspace.close_account(user=user))(
        _text(user, app, charge={"amount": 2}), _hold(user, app)
    ),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_fails_anywhere_leaves_nothing_and_succeeds_the_next_time(alice, penora, clock, stored, name):
    act = SERVICES[name](alice, penora, clock)

    def attempt() -> bool:
        try:
            act()
        except OperationalError:
            return False
        return True

    assert survives(attempt, stored) >= 3
    assert right()
