"""Batches under many threads: every key once, all or none, nobody waits for somebody who waits for them."""

from collections import Counter
from random import Random

import pytest
from django.db import connection

from accounts import services as accounts
from accounts.tests.cast import client_of
from credits import services
from credits.auditing import Tally, audit
from credits.models import ChargeKey, Entry

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]
PATH = "/api/unified/deduct-credits/batch"


@pytest.fixture
def crowd(penora):
    """Eight people with sixty credits each."""
    fields = [{"user_id": f"u{n}", "username": "U", "email": f"u{n}@example.com"} for n in range(8)]
    people = [accounts.register(**each, app=penora)[0] for each in fields]
    for user in people:
        services.wallet_of(user=user)
    return people


def order(user, amount=1, key="k"):
    return services.Order(key=key, fingerprint=f"{user.pk} {amount}", user=user, amount=amount)


def balances(people):
    return [services.wallet_of(user=user).balance for user in people]


def adds_up():
    return [str(fault) for fault in audit(Tally())] == []


def statuses(results):
    return Counter(outcome.status for outcomes in results for outcome in outcomes)


def test_batches_of_the_same_people_in_any_order_do_not_deadlock(crowd, penora, race):
    def work(number):
        shuffled = Random(number).sample(crowd, len(crowd))
        return services.charge_batch(app=penora, orders=[order(user, 2, f"{number}-{user.pk}") for user in shuffled])

    assert statuses(race(work, times=36)) == {200: 30 * 8, 402: 6 * 8}
    assert balances(crowd) == [0] * 8
    assert adds_up()


def test_racing_batches_charge_each_key_once(crowd, penora, race):
    def work(number):
        keys = Random(number).sample(range(40), 30)
        return services.charge_batch(app=penora, orders=[order(crowd[key % 8], 3, f"{key}") for key in keys])

    results = race(work, times=24)
    assert statuses(results) == {200: 24 * 30}
    fresh = [outcome.key for outcomes in results for outcome in outcomes if not outcome.replayed]
    assert sorted(fresh) == sorted({outcome.key for outcomes in results for outcome in outcomes})
    paid = {(outcome.key, outcome.answer["transaction_id"]) for outcomes in results for outcome in outcomes}
    assert len(paid) == len(fresh) == Entry.objects.filter(transaction_type="used").count()
    assert adds_up()


@pytest.fixture
def slow_keys(db):
    """Every key takes PostgreSQL long to write, so that those who write the same ones are sure to meet."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER slowly AFTER INSERT ON credits_chargekey FOR EACH ROW EXECUTE FUNCTION slowly();"
            " CREATE TRIGGER slowly_too BEFORE INSERT ON credits_chargekey FOR EACH ROW EXECUTE FUNCTION slowly()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION slowly() CASCADE")


def test_keys_for_different_people_are_charged_to_one_of_them_each(crowd, penora, race, slow_keys):
    # They share no wallet, so that nothing but the keys can keep them apart; in either order they must not deadlock.
    def work(number):
        keys = sorted("abcdef", reverse=number % 2 == 1)
        return services.charge_batch(app=penora, orders=[order(crowd[number], 1, key) for key in keys])

    results = race(work, times=8, threads=8)
    assert statuses(results) == {200: 6, 422: 7 * 6}
    assert sum(balances(crowd)) == 8 * 60 - 6
    assert ChargeKey.objects.count() == 6
    assert adds_up()


def test_all_or_none_holds_in_a_race(crowd, penora, race):
    def work(number):
        return services.charge_batch(
            app=penora, orders=[order(user, 7, f"{number}-{user.pk}") for user in crowd[number % 3 :]], atomic=True
        )

    results = race(work, times=36)
    done = [result for result in results if isinstance(result, list)]
    assert {type(result) for result in results} == {list, services.InsufficientCredits}
    # Of every person's sixty credits there are eight times seven; those in all batches have seen that many of them.
    assert len(done) == 8
    assert balances(crowd[3:]) == [4] * 5
    assert Entry.objects.filter(transaction_type="used").count() == sum(len(outcomes) for outcomes in done)
    assert adds_up()


def test_a_daily_cap_cannot_be_raced_by_batches(crowd, penora, race):
    for user in crowd:
        accounts.set_daily_cap(user=user, app=penora, credits=5)

    def work(number):
        return services.charge_batch(app=penora, orders=[order(user, 1, f"{number}-{user.pk}") for user in crowd])

    assert statuses(race(work, times=12)) == {200: 5 * 8, 429: 7 * 8}
    assert balances(crowd) == [55] * 8


def test_batches_and_single_writes_spend_each_credit_once(crowd, penora, race):
    def work(number):
        user = crowd[number % 8]
        if number % 3 == 0:
            return services.charge(user=user, app=penora, amount=9)
        if number % 3 == 1:
            return services.hold(user=user, app=penora, amount=9)
        return services.charge_batch(app=penora, orders=[order(one, 9, f"{number}-{one.pk}") for one in crowd])

    results = race(work, times=48)
    refused = [result for result in results if isinstance(result, Exception)]
    assert {type(refusal) for refusal in refused} == {services.InsufficientCredits}
    wallets = [services.wallet_of(user=user) for user in crowd]
    assert [wallet.available for wallet in wallets] == [6] * 8
    assert adds_up()


def test_racing_batches_open_each_wallet_once(penora, race):
    fields = [{"user_id": f"new{n}", "username": "N", "email": f"new{n}@example.com"} for n in range(6)]
    people = [accounts.register(**each, app=penora)[0] for each in fields]

    def work(number):
        shuffled = Random(number).sample(people, len(people))
        services.open_wallets(users=shuffled)
        return services.charge_batch(app=penora, orders=[order(user, 1, f"{number}-{user.pk}") for user in shuffled])

    assert statuses(race(work, times=12)) == {200: 72}
    assert balances(people) == [48] * 6
    assert adds_up()


def test_the_same_batch_from_many_sides_is_charged_once(crowd, penora_key, race):
    charges = [{"key": f"{n}", "user_id": f"u{n % 8}", "app_name": "penora", "amount": 2} for n in range(40)]

    def send(number):
        # Half of them retry the request, half of them the charges.
        headers = {"Idempotency-Key": "batch-1"} if number % 2 else {}
        return client_of(penora_key).post(PATH, {"charges": charges}, format="json", headers=headers)

    answers = race(send, times=24)
    assert {answer.status_code for answer in answers} <= {200, 409}
    receipts = [
        [one["transaction_id"] for one in answer.json()["results"]] for answer in answers if answer.status_code == 200
    ]
    assert len({tuple(receipt) for receipt in receipts}) == 1
    assert Entry.objects.filter(transaction_type="used").count() == 40
    assert adds_up()
