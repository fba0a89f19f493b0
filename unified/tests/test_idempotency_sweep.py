"""Every POST that writes honours its Idempotency-Key: one effect, the same bytes again, clear refusals, for ever."""

import json
import urllib.request
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from urllib.error import HTTPError

import pytest
from django.db import connection, connections, transaction

from accounts import idempotency
from accounts.models import IdempotencyRecord
from accounts.tests.cast import client_of
from credits import services as credits
from tests.server import gunicorn
from unified.tests.writes import routes, write_of

API = "/api/unified"
KEY = "one-key-for-all"


@pytest.fixture(autouse=True)
def _people(alice, bob, shop):
    credits.wallet_of(user=alice)
    credits.wallet_of(user=bob)


def send(api, write, body=None, key=KEY):
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(f"{API}/{write.path}", write.body if body is None else body, format="json", headers=headers)


@pytest.fixture
def prepared(penora_api):
    """The write of a route, with what it needs made beforehand."""

    def post(path, body):
        answer = penora_api.post(f"{API}/{path}", body, format="json")
        assert answer.status_code in {200, 201}, answer.content
        return answer.json()

    return lambda route: write_of(route, post)


@pytest.mark.parametrize("route", routes())
def test_a_repeat_gets_the_same_bytes_and_writes_nothing(penora_api, prepared, stored, route):
    write = prepared(route)
    first = send(penora_api, write)
    assert (first.status_code in {200, 201}, "Idempotency-Replayed" in first) == (True, False), first.content
    before = stored()
    again = send(penora_api, write)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again["Idempotency-Replayed"], again["Content-Type"]) == ("true", first["Content-Type"])
    assert stored() == before


@pytest.mark.parametrize("route", routes())
def test_another_body_under_the_key_is_refused(penora_api, prepared, stored, route):
    write = prepared(route)
    send(penora_api, write)
    before = stored()
    answer = send(penora_api, write, write.other)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert stored() == before


@pytest.mark.parametrize("route", routes())
def test_a_duplicate_that_comes_after_the_answer_was_let_go_is_refused(penora_api, prepared, stored, clock, route):
    write = prepared(route)
    send(penora_api, write)
    clock.forward(days=30, seconds=1)
    assert idempotency.prune() == 1
    credits.settle_due()
    before = stored()
    for body, status, code in (
        (write.body, 410, "idempotency_answer_gone"),
        (write.other, 422, "idempotency_key_reused"),
    ):
        answer = send(penora_api, write, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored() == before


def test_answers_are_kept_for_thirty_days(penora_api, prepared, clock):
    write = prepared("deduct-credits")
    first = send(penora_api, write)
    clock.forward(days=29, hours=23)
    assert idempotency.prune() == 0
    assert send(penora_api, write).content == first.content
    assert IdempotencyRecord.objects.get().user_id == "alice"


@contextmanager
def no_claim_gets_through():
    """Lets reads pass, and holds up whoever writes down a claim."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            connection.cursor().execute("LOCK TABLE accounts_idempotencyrecord IN SHARE MODE")
        yield


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", routes())
def test_the_second_of_two_at_the_same_time_is_told_to_wait(penora_api, penora_key, prepared, route):
    write = prepared(route)
    # The first use of a key is written down, and would wait before there is anything to claim.
    assert penora_api.get(f"{API}/prices").status_code == 200

    def attempt():
        try:
            return send(client_of(penora_key), write)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        with no_claim_gets_through():
            both = [pool.submit(attempt) for _ in range(2)]
            done, _ = wait(both, timeout=15, return_when=FIRST_COMPLETED)
            early = next(iter(done)).result()
        late = next(one for one in both if one not in done).result(timeout=60)
    assert (early.status_code, early.json()["code"]) == (409, "idempotency_in_progress")
    assert int(early["Retry-After"]) >= 1
    assert late.status_code in {200, 201}, late.content
    again = send(client_of(penora_key), write)
    assert (again.content, again["Idempotency-Replayed"]) == (late.content, "true")


def over_the_wire(port, key, write, body=None, name=KEY):
    """Status, body and whether it was a repeat, from a server of its own."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{API}/{write.path}",
        data=json.dumps(write.body if body is None else body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": name},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), answer.headers["Idempotency-Replayed"]
    except HTTPError as error:
        with error:
            return error.code, error.read(), error.headers["Idempotency-Replayed"]


@pytest.mark.serve
@pytest.mark.django_db(transaction=True)
def test_another_process_gives_the_same_bytes_for_every_write(penora_key, prepared, stored):
    writes = [prepared(route) for route in routes()]
    with gunicorn() as (_, port):
        first = [over_the_wire(port, penora_key, write) for write in writes]
    assert [replayed for _, _, replayed in first] == [None] * len(writes)
    assert {status for status, _, _ in first} <= {200, 201}
    before = stored()
    with gunicorn() as (_, port):
        again = [over_the_wire(port, penora_key, write) for write in writes]
        others = [over_the_wire(port, penora_key, write, write.other) for write in writes]
    assert again == [(status, body, "true") for status, body, _ in first]
    assert [status for status, _, _ in others] == [422] * len(writes)
    assert stored() == before


@pytest.mark.serve
@pytest.mark.django_db(transaction=True)
def test_another_process_knows_the_keys_of_a_batch(penora_key, prepared, stored):
    write = prepared("deduct-credits/batch")
    with gunicorn() as (_, port):
        _, first, _ = over_the_wire(port, penora_key, write)
    before = stored()
    with gunicorn() as (_, port):
        status, again, replayed = over_the_wire(port, penora_key, write, name="another-attempt")
    results = json.loads(first)["results"]
    assert [one["status"] for one in results] == [200, 200]
    assert (status, json.loads(again)["results"]) == (200, [{**one, "replayed": True} for one in results])
    # Nothing but what this attempt was answered.
    assert replayed is None
    assert {name for name, rows in stored().items() if rows != before[name]} == {"IdempotencyRecord"}
