"""`deduct-credits/batch` as the contract describes it, and what strangers send to it."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import services as accounts
from accounts.models import Connection
from accounts.tests.cast import client_of
from credits import services
from credits.models import ChargeKey, Entry
from credits.tests.test_hostile_input import AMOUNT, BOOLEAN, CODE, DESCRIPTION, NOT_TEXT, OPERATION, USER_ID

PATH = "/api/unified/deduct-credits/batch"
KEY = [*NOT_TEXT, '""', '"a b"', '"é"', f'"{"x" * 256}"', '["k"]']


@pytest.fixture(autouse=True)
def _wallets(alice, bob):
    services.wallet_of(user=alice)
    services.wallet_of(user=bob)


def charge(key="k", **terms):
    return {"key": key, "user_id": "alice", "app_name": "penora", "amount": 5} | terms


def send(api, *charges, key=None, **more):
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(PATH, {"charges": list(charges), **more}, format="json", headers=headers)


def balance(user_id):
    return Entry.objects.filter(wallet__user__user_id=user_id).latest("version").balance_after


def test_each_charge_has_its_result_in_order(penora_api):
    answer = send(penora_api, charge("a"), charge("b", user_id="bob", amount=61), charge("c", user_id="nobody"))
    assert answer.status_code == 200
    entry = Entry.objects.get(transaction_type="used")
    assert answer.json()["results"] == [
        {
            "key": "a",
            "status": 200,
            "transaction_id": entry.id,
            "amount": 5,
            "credits": 55,
            "credits_balance": 55,
            "credits_held": 0,
        },
        {
            "key": "b",
            "status": 402,
            "code": "insufficient_credits",
            "detail": "This needs 61 credits and 60 are available.",
            "required": 61,
            "credits": 60,
            "shortfall": 1,
            "top_up_url": "http://127.0.0.1:8000/credits/",
        },
        {"key": "c", "status": 404, "code": "user_not_found", "detail": "There is no user with this user_id."},
    ]


def test_a_receipt_is_that_of_deduct_credits(penora_api):
    terms = {"operation": "page_generation", "quantity": 3, "description": "Three", "project_code": "ABC234"}
    batched = {**charge("a"), **terms}
    del batched["amount"]
    [result] = send(penora_api, batched).json()["results"]
    single = penora_api.post(
        PATH.removesuffix("/batch"), {"user_id": "bob", "app_name": "penora", **terms}, format="json"
    ).json()
    new = {"key", "status", "transaction_id"}
    assert {k: v for k, v in result.items() if k not in new} == {k: v for k, v in single.items() if k not in new}
    entries = Entry.objects.filter(transaction_type="used").values("amount", "description", "project_code", "app")
    assert entries[0] == entries[1]


def test_a_repeat_says_so_and_charges_nothing(penora_api, penora, stored):
    other_key = client_of(accounts.create_api_key(app=penora)[1])
    [first] = send(penora_api, charge()).json()["results"]
    before = stored()
    for api, more in ((penora_api, {}), (penora_api, {"atomic": True}), (other_key, {})):
        [again] = send(api, charge(), **more).json()["results"]
        assert again == first | {"replayed": True}
    assert stored() == before


def test_a_key_belongs_to_the_charge_it_came_with(penora_api, stored):
    send(penora_api, charge())
    before = stored()
    for other in ({"amount": 6}, {"user_id": "bob"}, {"description": "x"}):
        [result] = send(penora_api, charge(**other)).json()["results"]
        assert (result["status"], result["code"]) == (422, "idempotency_key_reused")
    assert stored() == before


def test_the_key_of_a_charge_and_an_idempotency_key_are_two_things(penora_api):
    single = {name: value for name, value in charge().items() if name != "key"}
    headers = {"Idempotency-Key": "k"}
    penora_api.post(PATH.removesuffix("/batch"), single, format="json", headers=headers)
    [result] = send(penora_api, charge(), key="k").json()["results"]
    assert (result["status"], "replayed" in result) == (200, False)
    assert balance("alice") == 50


def test_an_idempotency_key_of_the_batch_answers_the_same_bytes(penora_api, stored):
    first = send(penora_api, charge("a"), charge("b", amount=61), key="batch-1")
    before = stored()
    again = send(penora_api, charge("a"), charge("b", amount=61), key="batch-1")
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert stored() == before
    assert send(penora_api, charge("a"), key="batch-1").status_code == 422


def test_all_or_none_is_refused_as_the_first_refused_charge_is(penora_api, stored):
    before = stored()
    answer = send(penora_api, charge("a"), charge("b", amount=61), charge("c", user_id="nobody"), atomic=True)
    assert (answer.status_code, answer["Content-Type"]) == (402, "application/problem+json")
    body = answer.json()
    assert (body["code"], body["required"], body["credits"], body["shortfall"]) == ("insufficient_credits", 61, 55, 6)
    assert [(one["index"], one["key"], one["status"]) for one in body["refused"]] == [(1, "b", 402), (2, "c", 404)]
    assert body["refused_count"] == 2
    assert stored() == before


def test_all_or_none_that_was_refused_stays_refused_under_its_idempotency_key(penora_api, alice, stored):
    refused = send(penora_api, charge("a"), charge("b", amount=61), atomic=True, key="batch-1")
    services.grant(user=alice, amount=100, reason="More")
    before = stored()
    again = send(penora_api, charge("a"), charge("b", amount=61), atomic=True, key="batch-1")
    assert (again.status_code, again.content) == (402, refused.content)
    assert stored() == before
    # Nothing was kept of its charges: a new attempt takes a new key for the batch alone.
    assert send(penora_api, charge("a"), charge("b", amount=61), atomic=True, key="batch-2").status_code == 200


def test_all_or_none_within_a_cap_says_when_to_come_back(penora_api, penora, alice, stored):
    accounts.set_daily_cap(user=alice, app=penora, credits=7)
    before = stored()
    answer = send(penora_api, charge("a"), charge("b"), atomic=True)
    assert (answer.status_code, answer.json()["code"]) == (429, "spending_cap_reached")
    assert 0 < int(answer["Retry-After"]) <= 86_400
    assert (answer.json()["spent_today"], answer.json()["refused"][0]["index"]) == (5, 1)
    assert stored() == before


def test_a_charge_for_another_app_or_of_nothing_known_is_refused_alone(penora_api, alice, bob, penora):
    accounts.disconnect(user=bob, app=penora)
    unknown = charge("d", operation="nothing")
    del unknown["amount"]
    charges = [charge("a", app_name="imagegene"), charge("b", user_id="bob"), charge("c"), unknown]
    results = send(penora_api, *charges).json()["results"]
    assert [(one["status"], one.get("code")) for one in results] == [
        (403, "app_mismatch"),
        (403, "app_not_connected"),
        (200, None),
        (400, "invalid_request"),
    ]
    assert results[3]["errors"][0]["field"] == "operation"


def test_a_first_party_app_connects_to_whom_it_charges_and_a_stranger_does_not(penora_api, penora, stranger_app, alice):
    fresh = [
        accounts.register(user_id=f"new{n}", username="N", email=f"n{n}@example.com", app=stranger_app)[0] for n in "12"
    ]
    charges = [charge(user.user_id, user_id=user.user_id) for user in fresh]
    assert [one["status"] for one in send(penora_api, *charges).json()["results"]] == [200, 200]
    assert Connection.objects.filter(app=penora, user__in=fresh).count() == 2
    stranger = client_of(accounts.create_api_key(app=stranger_app)[1])
    theirs = [{**one, "app_name": "stranger"} for one in (*charges, charge("alice"))]
    assert [one["status"] for one in send(stranger, *theirs).json()["results"]] == [200, 200, 404]


def test_nobody_is_charged_who_left(penora_api, alice, stored):
    send(penora_api, charge())
    alice.is_active = False
    alice.save()
    before = stored()
    results = send(penora_api, charge(), charge("new")).json()["results"]
    assert [one["status"] for one in results] == [404, 404]
    assert stored() == before


def test_a_thousand_are_taken_and_one_more_is_not(penora_api, alice, stored):
    services.grant(user=alice, amount=1000, reason="More")
    answer = send(penora_api, *[charge(f"{n}", amount=1) for n in range(1000)])
    assert {result["status"] for result in answer.json()["results"]} == {200}
    assert balance("alice") == 60
    assert ChargeKey.objects.count() == 1000
    before = stored()
    answer = send(penora_api, *[charge(f"more{n}", amount=1) for n in range(1001)])
    assert refused_fields(answer) == {"charges"}
    assert stored() == before


def test_a_call_takes_as_many_statements_for_six_hundred_charges_as_for_sixty(penora_api, penora):
    people = []
    for number in range(50):
        name = {"user_id": f"u{number}", "username": "U", "email": f"u{number}@example.com"}
        people.append(accounts.register(**name, app=penora)[0])
    services.open_wallets(users=people)
    counts = []
    for charges, crowd in ((60, 20), (60, 20), (600, 50)):
        many = [charge(f"{len(counts)}-{n}", user_id=f"u{n % crowd}", amount=1) for n in range(charges)]
        with CaptureQueriesContext(connection) as taken:
            answer = send(penora_api, *many)
        assert {result["status"] for result in answer.json()["results"]} == {200}
        counts.append(len([query for query in taken if "SAVEPOINT" not in query["sql"]]))
    # The first call also notes when the key was used, and has PostgreSQL prepare what is short.
    assert counts[1] == counts[2]
    assert counts[2] <= 14


# What strangers send.


def refused_fields(answer):
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), answer.content
    assert answer.json()["code"] == "invalid_request"
    return {error["field"] for error in answer.json()["errors"]}


def raw(*charges, **more):
    fields = {"charges": "[" + ", ".join(charges) + "]", **more}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


def spelled(**fields):
    right = {"key": '"k"', "user_id": '"alice"', "app_name": '"penora"', "amount": "1"}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in {**right, **fields}.items() if value) + "}"


BY_BOOK = {"amount": "", "operation": '"page_generation"', "quantity": "2"}
WRONG = {
    "key": (KEY, {}),
    "user_id": (USER_ID, {}),
    "app_name": ([*NOT_TEXT, '""'], {}),
    "amount": (AMOUNT, {}),
    "description": (DESCRIPTION, {}),
    "project_code": (CODE, {}),
    # That the price book does not know it is the one fault that is told of the charge alone.
    "operation": (OPERATION[:-1], BY_BOOK),
    "quantity": (AMOUNT, BY_BOOK),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_refuses_the_batch_by_its_path(penora_api, stored, field):
    values, base = WRONG[field]
    before = stored()
    for value in values:
        body = raw(spelled(key='"good"'), spelled(**{**base, field: value}))
        answer = penora_api.post(PATH, body.encode(), content_type="application/json")
        assert all(name.startswith(f"charges.1.{field}") for name in refused_fields(answer)), (value, answer.content)
    assert stored() == before


@pytest.mark.parametrize("field", ["key", "user_id", "app_name", "amount"])
def test_a_missing_value_refuses_the_batch_by_its_path(penora_api, stored, field):
    before = stored()
    answer = penora_api.post(PATH, raw(spelled(), spelled(**{field: ""})).encode(), content_type="application/json")
    assert refused_fields(answer) == {f"charges.1.{field}"}
    assert stored() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (raw(), "charges"),
        ("{}", "charges"),
        ('{"charges": null}', "charges"),
        ('{"charges": {}}', "charges"),
        ('{"charges": "k"}', "charges"),
        ('{"charges": [5]}', "charges.0"),
        ('{"charges": [null]}', "charges.0"),
        ('{"charges": ["k"]}', "charges.0"),
        ('{"charges": [[]]}', "charges.0"),
        (raw(spelled(), raw(spelled())), "charges.1.charges"),
        (raw(spelled(amuont="1")), "charges.0.amuont"),
        (raw(spelled(atomic="true")), "charges.0.atomic"),
        (raw(spelled(operation='"page_generation"')), "charges.0.operation"),
        (raw(spelled(), user_id='"alice"'), "user_id"),
        (raw(spelled(), key='"k"'), "key"),
        *((raw(spelled(), atomic=value), "atomic") for value in BOOLEAN),
    ],
)
def test_a_wrong_shape_is_refused_by_name(penora_api, stored, body, field):
    before = stored()
    assert field in refused_fields(penora_api.post(PATH, body.encode(), content_type="application/json"))
    assert stored() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"charges": ' + b"[" * 100_000,
        b'{"charges": [' + b"{}," * 200_000 + b"{}]}",
        raw(spelled(amount="1e999")).encode(),
        raw(spelled(amount="9" * 5000)).encode(),
        raw(spelled(key='"k", "key": "k"')).encode(),
    ],
    ids=lambda body: ascii(body[:24]),
)
def test_what_cannot_be_read_is_refused(penora_api, stored, body):
    before = stored()
    answer = penora_api.post(PATH, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert stored() == before


def test_every_fault_of_a_batch_is_named(penora_api):
    body = {"charges": [charge(amount=0), charge(), charge(user_id="a b", key=5)]}
    answer = penora_api.post(PATH, json.dumps(body), content_type="application/json")
    assert refused_fields(answer) == {"charges.0.amount", "charges.2.user_id", "charges.2.key"}


def test_a_query_is_not_heard(penora_api, stored):
    before = stored()
    answer = penora_api.post(f"{PATH}?atomic=true", {"charges": [charge()]}, format="json")
    assert refused_fields(answer) == {"atomic"}
    assert stored() == before
