"""A repeated request over HTTP: the same answer, or a clear refusal, and the effect at most once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connections

from accounts import idempotency
from accounts.models import IdempotencyRecord
from accounts.tests.cast import client_of

CHARGE = "/api/unified/deduct-credits"
BODY = {"user_id": "alice", "amount": 4, "app_name": "penora", "description": "A page"}


def send(api, body=BODY, key="k1", path=CHARGE):
    return api.post(path, body, format="json", headers={"Idempotency-Key": key})


def credits_of(api, user_id="alice"):
    return api.get("/api/unified/user-info", {"user_id": user_id}).json()["credits"]


def test_a_repeat_gets_the_same_bytes_and_charges_nothing(alice, penora_api, stored):
    first = send(penora_api)
    before = stored()
    again = send(penora_api)
    assert (first.status_code, "Idempotency-Replayed" in first) == (200, False)
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert (again.content, again["Content-Type"]) == (first.content, first["Content-Type"])
    assert stored() == before
    assert credits_of(penora_api) == 56


def test_a_repeat_may_spell_the_same_body_and_path_another_way(alice, penora_api):
    first = send(penora_api)
    turned = dict(reversed(BODY.items()))
    again = send(penora_api, turned, path=CHARGE + "/")
    assert again.content == first.content


def test_a_repeat_keeps_its_answer_after_the_wallet_moved_on(alice, penora_api):
    first = send(penora_api)
    send(penora_api, key="k2")
    assert send(penora_api).content == first.content
    assert credits_of(penora_api) == 52


@pytest.mark.parametrize("change", [{"amount": 5}, {"description": "Another"}, {"project_code": "ABC234"}])
def test_a_key_with_another_body_is_refused(alice, penora_api, stored, change):
    send(penora_api)
    before = stored()
    answer = send(penora_api, {**BODY, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert stored() == before


def test_a_refused_charge_stays_refused_after_a_top_up(alice, penora_api):
    big = {**BODY, "amount": 100}
    first = send(penora_api, big)
    assert (first.status_code, first.json()["code"]) == (402, "insufficient_credits")
    bonus = {"user_id": "alice", "amount": 100, "reason": "Party"}
    assert penora_api.post("/api/unified/give-bonus-credits", bonus, format="json").status_code == 200
    again = send(penora_api, big)
    assert (again.status_code, again["Idempotency-Replayed"]) == (402, "true")
    assert (again.content, again["Content-Type"]) == (first.content, "application/problem+json")
    assert credits_of(penora_api) == 160
    assert send(penora_api, big, key="k2").status_code == 200


def test_a_taken_email_is_kept_as_the_answer(alice, penora_api):
    body = {"user_id": "rita", "username": "Rita", "email": "alice@example.com"}
    first = send(penora_api, body, path="/api/unified/create-user")
    again = send(penora_api, body, path="/api/unified/create-user")
    assert (first.status_code, again["Idempotency-Replayed"]) == (409, "true")
    assert again.content == first.content


@pytest.mark.parametrize(
    ("change", "status"), [({"user_id": "nobody"}, 404), ({"amount": 0}, 400), ({"app_name": "imagegene"}, 403)]
)
def test_a_mistake_is_not_kept_so_the_key_can_be_used_again(alice, penora_api, change, status):
    assert send(penora_api, {**BODY, **change}).status_code == status
    assert not IdempotencyRecord.objects.exists()
    assert send(penora_api).status_code == 200


def test_an_unknown_operation_is_not_kept(alice, penora_api):
    body = {"user_id": "alice", "app_name": "penora", "operation": "no_such_thing"}
    assert send(penora_api, body).status_code == 400
    assert not IdempotencyRecord.objects.exists()


def test_keys_of_two_apps_do_not_meet(alice, penora_api, imagegene_api):
    send(penora_api)
    answer = send(imagegene_api, {**BODY, "app_name": "imagegene"})
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (200, False)
    assert credits_of(penora_api) == 52


def test_keys_of_two_endpoints_do_not_meet(alice, penora_api):
    send(penora_api)
    answer = send(penora_api, path="/api/unified/holds")
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (201, False)


def test_a_key_for_one_transaction_does_not_refund_another(alice, penora_api):
    one, two = (send(penora_api, key=key).json()["transaction_id"] for key in ("a", "b"))
    body = {"user_id": "alice", "reason": "Torn"}
    assert send(penora_api, body, "r", f"/api/unified/transaction/{one}/refund").status_code == 200
    other = send(penora_api, body, "r", f"/api/unified/transaction/{two}/refund")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_a_key_must_be_visible_ascii(alice, penora_api, stored, key):
    before = stored()
    answer = send(penora_api, key=key)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert stored() == before


def test_the_longest_key_works(alice, penora_api):
    assert send(penora_api, key="~" * 255).status_code == 200


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_a_second_request_is_told_to_wait_while_the_first_still_runs(alice, penora, penora_key):
    claim = idempotency.Claim(app=penora, endpoint="deduct-credits", key="k1", path=CHARGE, fingerprint="f" * 64)
    running, finish = Event(), Event()

    def prepare():
        running.set()
        assert finish.wait(timeout=20)

    def first():
        try:
            return idempotency.once(claim, prepare=prepare, act=lambda _: idempotency.Answer(200, b"{}"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(first)
        try:
            assert running.wait(timeout=20)
            answer = send(client_of(penora_key))
        finally:
            finish.set()
        assert outcome.result(timeout=20).status == 200
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert answer["Retry-After"] == "1"
    late = send(client_of(penora_key))
    assert (late.status_code, late.json()["code"]) == (422, "idempotency_key_reused")
