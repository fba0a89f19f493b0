"""Batches through the service: what single charges do, in order, each key once, all or none, in so many statements."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.errors import AppNotConnected, DomainError, IdempotencyKeyReused, InvalidField, UserNotFound
from accounts.models import Event, Mail
from credits import services
from credits.auditing import Tally, audit
from credits.models import Allocation, ChargeKey, Entry, Grant, Hold, Price, Wallet

# Lock, what can be spent, two for the caps, known keys, prices; keys, entries, allocations, grants, wallets, events and
# mails. PostgreSQL is sent the first two in one message, and all that write in another.
STATEMENTS = 13 if connection.vendor == "sqlite" else 6


@pytest.fixture
def people(alice, bob):
    for user in (alice, bob):
        services.wallet_of(user=user)
    return alice, bob


def order(user, amount=1, key="k", fingerprint="f", **terms):
    return services.Order(key=key, fingerprint=fingerprint, user=user, amount=amount, **terms)


def by_book(user, operation, quantity=None, key="k"):
    return services.Order(key=key, fingerprint="f", user=user, operation=operation, quantity=quantity)


def statuses(outcomes):
    return [(outcome.key, outcome.status, outcome.replayed) for outcome in outcomes]


def adds_up():
    return [str(fault) for fault in audit(Tally())] == []


def test_each_order_is_charged_in_turn_and_answered_with_its_receipt(people, penora):
    alice, bob = people
    orders = [order(alice, 5, "a", description="Five", project_code="ABC234"), order(bob, 7, "b"), order(alice, 2, "c")]
    outcomes = services.charge_batch(app=penora, orders=orders)
    assert statuses(outcomes) == [("a", 200, False), ("b", 200, False), ("c", 200, False)]
    first, _, third = (outcome.answer for outcome in outcomes)
    entry = Entry.objects.get(pk=first["transaction_id"])
    assert (entry.amount, entry.app, entry.wallet_id) == (-5, penora, alice.pk)
    assert (entry.description, entry.project_code) == ("Five", "ABC234")
    assert (first["amount"], first["credits"], third["credits"], third["credits_balance"]) == (5, 55, 53, 53)
    assert adds_up()


def arrange(name, app):
    """Three people with credits of all kinds: one with a cap, one who is told at forty, one who is short."""
    made = []
    for number in range(3):
        fields = {"user_id": f"{name}{number}", "username": "P", "email": f"{name}{number}@example.com"}
        user, _ = accounts.register(**fields, app=app)
        services.wallet_of(user=user)
        for days, amount, source in ((9, 5, "bonus"), (2, 3, "purchased"), (None, 4, "purchased")):
            ends = timezone.now() + timedelta(days=days) if days else None
            services.grant(user=user, amount=amount, reason="r", source=source, expires_at=ends)
        made.append(user)
    accounts.set_daily_cap(user=made[0], app=app, credits=25)
    services.charge(user=made[0], app=app, amount=4)
    services.hold(user=made[0], app=app, amount=3)
    services.set_low_mark(user=made[1], credits=40)
    services.hold(user=made[2], app=app, amount=50)
    return made


def terms_of(seed, count=40):
    """Charges of everybody by everything, some of which nobody can pay, or the price book does not know."""
    dice = Random(seed)
    ways = (
        lambda: {"amount": dice.choice([1, 2, 3, 9, 30, 61])},
        lambda: {"operation": "page_generation", "quantity": dice.randint(1, 12)},
        lambda: {"operation": dice.choice(["advanced_feature", "image_generation", "nothing"])},
    )
    return [(dice.randrange(3), dice.choices(ways, (5, 3, 1))[0](), f"Page {n}") for n in range(count)]


def one_by_one(user, app, terms, description):
    try:
        return 200, services.receipt(services.charge(user=user, app=app, description=description, **terms))
    except DomainError as error:
        return error.status, {"code": error.code, "detail": error.detail, **error.facts}


def without_ids(rows) -> list[dict[str, Any]]:
    drop = {"id", "transaction_id", "hash", "head_hash", "created_at", "next_due_at", "due_at", "expires_at"}
    return [{name: value for name, value in row.items() if name not in drop} for row in rows]


def state_of(user):
    """Everything the ledger says about a person, but for keys, times and what is made of them."""
    whose = {"user_id", "wallet_id"}
    sets = {
        "wallet": Wallet.objects.filter(pk=user.pk),
        "entries": Entry.objects.filter(wallet=user.pk).order_by("version"),
        "grants": Grant.objects.filter(wallet=user.pk).order_by("id"),
        "mails": Mail.objects.filter(user=user).order_by("id"),
    }
    found: dict[str, Any] = {
        name: [{k: v for k, v in row.items() if k not in whose | {"hold_id"}} for row in without_ids(rows.values())]
        for name, rows in sets.items()
    }
    moved = Allocation.objects.filter(entry__wallet=user.pk).order_by("entry__version", "id")
    found["moved"] = list(moved.values_list("entry__version", "grant__source", "grant__rank", "amount"))
    events = Event.objects.filter(user=user).order_by("id").values_list("type", "data")
    found["events"] = [(kind, without_ids([data])[0]) for kind, data in events if kind != "hold.created"]
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_leaves_and_answers_what_the_same_charges_one_by_one_do(penora, seed):
    single, batched = arrange("single", penora), arrange("batched", penora)
    terms = terms_of(seed)
    wanted = [one_by_one(single[who], penora, what, said) for who, what, said in terms]
    orders = [
        services.Order(key=f"{n}", fingerprint="f", user=batched[who], description=said, **what)
        for n, (who, what, said) in enumerate(terms)
    ]
    got = services.charge_batch(app=penora, orders=orders)
    assert [outcome.status for outcome in got] == [status for status, _ in wanted]
    assert without_ids(outcome.answer for outcome in got) == without_ids(answer for _, answer in wanted)
    assert {200, 400, 402, 429} == {status for status, _ in wanted}
    assert [state_of(user) for user in batched] == [state_of(user) for user in single]
    assert adds_up()


@pytest.mark.parametrize(("charges", "crowd"), [(60, 1), (900, 30)])
def test_the_number_of_statements_does_not_grow_with_the_batch(penora, charges, crowd):
    for turn in ("warm", "counted"):
        people = [user for number in range(crowd) for user in arrange(f"{turn}{number}-", penora)]
        ways = [{"amount": 20}, {"operation": "page_generation"}]
        orders = [
            services.Order(key=f"{turn}{n}", fingerprint="f", user=people[n % len(people)], **ways[n % 2])
            for n in range(charges)
        ]
        with transaction.atomic(), CaptureQueriesContext(connection) as taken:
            outcomes = services.charge_batch(app=penora, orders=orders)
    assert {outcome.status for outcome in outcomes} == {200, 402, 429}
    assert Mail.objects.count() >= crowd
    assert len([query for query in taken if "SAVEPOINT" not in query["sql"]]) == STATEMENTS


def test_more_grants_than_a_statement_has_room_for_can_pay(people, penora):
    alice, _ = people
    crumbs = 11_000
    Grant.objects.bulk_create(
        Grant(wallet_id=alice.pk, source="bonus", rank=0, amount=1, remaining=1) for _ in range(crumbs)
    )
    Wallet.objects.filter(pk=alice.pk).update(balance=crumbs + 60)
    outcomes = services.charge_batch(app=penora, orders=[order(alice, crumbs + 60, "all"), order(alice, 1, "more")])
    assert [outcome.status for outcome in outcomes] == [200, 402]
    assert Allocation.objects.filter(entry=outcomes[0].answer["transaction_id"]).count() == crumbs + 2
    assert not Grant.objects.filter(wallet=alice.pk, remaining__gt=0).exists()


def test_a_key_is_charged_once_and_answers_the_same_for_ever(people, penora, stored, clock):
    alice, _ = people
    first = services.charge_batch(app=penora, orders=[order(alice, 5, "once"), order(alice, 61, "short")])
    services.grant(user=alice, amount=100, reason="More")
    clock.forward(days=400)
    before = stored()
    again = services.charge_batch(app=penora, orders=[order(alice, 61, "short"), order(alice, 5, "once")])
    assert statuses(again) == [("short", 402, True), ("once", 200, True)]
    assert [outcome.answer for outcome in again] == [outcome.answer for outcome in reversed(first)]
    assert stored() == before


def test_a_key_with_other_terms_is_refused_and_its_first_answer_stays(people, penora, stored):
    alice, bob = people
    services.charge_batch(app=penora, orders=[order(alice, 5, "once")])
    before = stored()
    [refused] = services.charge_batch(app=penora, orders=[order(bob, 5, "once", fingerprint="other")])
    assert (refused.status, refused.answer["code"]) == (422, "idempotency_key_reused")
    assert stored() == before


def test_a_key_twice_in_one_batch_is_charged_once(people, penora):
    alice, _ = people
    orders = [order(alice, 5, "a"), order(alice, 5, "a"), order(alice, 6, "a", fingerprint="other")]
    outcomes = services.charge_batch(app=penora, orders=orders)
    assert statuses(outcomes) == [("a", 200, False), ("a", 200, True), ("a", 422, False)]
    assert outcomes[0].answer == outcomes[1].answer
    assert services.wallet_of(user=alice).balance == 55


def test_the_same_key_of_another_app_is_another_key(people, penora, imagegene):
    alice, _ = people
    for app in (penora, imagegene):
        [outcome] = services.charge_batch(app=app, orders=[order(alice, 5)])
        assert (outcome.status, outcome.replayed) == (200, False)
    assert services.wallet_of(user=alice).balance == 50


def test_what_is_not_final_is_not_kept(people, penora):
    alice, _ = people
    accounts.set_daily_cap(user=alice, app=penora, credits=4)
    orders = [order(alice, 5, "cap"), by_book(alice, "later", key="book"), order(UserNotFound("Nobody."), 1, "who")]
    refused = services.charge_batch(app=penora, orders=orders)
    assert [outcome.status for outcome in refused] == [429, 400, 404]
    assert not ChargeKey.objects.exists()
    accounts.set_daily_cap(user=alice, app=penora, credits=None)
    Price.objects.create(app=penora, operation="later", credits=2)
    orders[2] = order(alice, 1, "who")
    assert [outcome.status for outcome in services.charge_batch(app=penora, orders=orders)] == [200, 200, 200]


def test_an_atomic_batch_charges_everything(people, penora):
    alice, bob = people
    outcomes = services.charge_batch(app=penora, orders=[order(alice, 5, "a"), order(bob, 5, "b")], atomic=True)
    assert statuses(outcomes) == [("a", 200, False), ("b", 200, False)]
    again = services.charge_batch(app=penora, orders=[order(alice, 5, "a"), order(bob, 6, "c")], atomic=True)
    assert statuses(again) == [("a", 200, True), ("c", 200, False)]
    assert (services.wallet_of(user=alice).balance, services.wallet_of(user=bob).balance) == (55, 49)


def test_an_atomic_batch_with_one_refusal_leaves_nothing_and_names_what_was_refused(people, penora, stored):
    alice, bob = people
    before = stored()
    orders = [order(alice, 5, "a"), order(bob, 61, "b"), order(AppNotConnected("Out."), 1, "c"), order(alice, 56, "d")]
    with pytest.raises(services.InsufficientCredits) as refusal:
        services.charge_batch(app=penora, orders=orders, atomic=True)
    facts = refusal.value.facts
    assert (facts["required"], facts["credits"], facts["shortfall"], facts["refused_count"]) == (61, 60, 1, 3)
    named = [(one["index"], one["key"], one["status"], one["code"]) for one in facts["refused"]]
    # What the same batch would have answered item by item.
    assert named == [
        (1, "b", 402, "insufficient_credits"),
        (2, "c", 403, "app_not_connected"),
        (3, "d", 402, "insufficient_credits"),
    ]
    assert stored() == before


def test_an_atomic_batch_names_ten_refusals_and_counts_all(people, penora):
    alice, _ = people
    with pytest.raises(services.InsufficientCredits) as refusal:
        services.charge_batch(app=penora, orders=[order(alice, 61, f"{n}") for n in range(30)], atomic=True)
    assert [one["index"] for one in refusal.value.facts["refused"]] == list(range(10))
    assert refusal.value.facts["refused_count"] == 30


def test_an_atomic_batch_names_the_field_by_its_path(people, penora):
    alice, _ = people
    orders = [order(alice, 1, "a"), by_book(alice, "nothing", key="b")]
    with pytest.raises(InvalidField) as refusal:
        services.charge_batch(app=penora, orders=orders, atomic=True)
    assert [error["field"] for error in refusal.value.facts["errors"]] == ["charges.1.operation"]


@pytest.mark.parametrize("amount", [61, 3])
def test_a_key_whose_charge_was_refused_refuses_the_atomic_batch_it_comes_in(people, penora, stored, amount):
    alice, _ = people
    services.charge_batch(app=penora, orders=[order(alice, 61, "short")])
    services.grant(user=alice, amount=100, reason="More")
    before = stored()
    late = order(alice, amount, "short", fingerprint="f" if amount == 61 else "other")
    error = services.InsufficientCredits if amount == 61 else IdempotencyKeyReused
    with pytest.raises(error) as refusal:
        services.charge_batch(app=penora, orders=[order(alice, 1, "new"), late], atomic=True)
    assert refusal.value.facts["refused"][0]["index"] == 1
    assert stored() == before


def test_a_batch_opens_wallets_and_settles_what_is_due(alice, bob, penora, clock):
    services.grant(user=alice, amount=40, reason="Week", expires_at=timezone.now() + timedelta(days=7))
    services.hold(user=alice, app=penora, amount=30, ttl_seconds=60)
    clock.forward(days=8)
    outcomes = services.charge_batch(app=penora, orders=[order(bob, 60, "b"), order(alice, 60, "a")])
    assert [outcome.status for outcome in outcomes] == [200, 200]
    assert Hold.objects.get().status == "expired"
    assert list(Wallet.objects.values_list("balance", flat=True)) == [0, 0]
    assert adds_up()


def test_nobody_is_charged_whose_account_was_closed_meanwhile(people, penora, stored):
    alice, bob = people
    services.close_wallet(user=alice)
    [gone, paid] = services.charge_batch(app=penora, orders=[order(alice, 1, "a"), order(bob, 1, "b")])
    assert (gone.status, gone.answer["code"], paid.status) == (404, "user_not_found", 200)


def test_each_fall_below_the_mark_is_told_once(people, penora):
    alice, bob = people
    orders = [order(user, 20, f"{user.pk}-{n}") for n in range(3) for user in (alice, bob)]
    services.charge_batch(app=penora, orders=orders)
    assert sorted(Mail.objects.values_list("user_id", flat=True)) == [alice.pk, bob.pk]
    assert Event.objects.filter(type="credits.low").count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM credits_chargekey",
        "UPDATE credits_chargekey SET key = 'new'",
        "UPDATE credits_chargekey SET status = 402",
    ],
)
def test_the_key_of_a_charge_cannot_be_freed(people, penora, stored, statement):
    services.charge_batch(app=penora, orders=[order(people[0])])
    before = stored()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert stored() == before
