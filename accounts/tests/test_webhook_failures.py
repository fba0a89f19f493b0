"""A receiver that fails, stalls or misleads is tried again, and again, and keeps nobody else from their messages."""

import json
import time

import pytest
from django.utils import timezone
from django.utils.http import http_date

from accounts import feed, services, webhooks
from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.tests.receiver import after, drips, happened, listening, says, told
from accounts.webhooks import outbox, runner, sending

pytestmark = pytest.mark.django_db
Status = WebhookDelivery.Status
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

BAD = {
    "500": (says(500), "the answer was no 2xx"),
    "404": (says(404), "the answer was no 2xx"),
    "redirect": (says(302, Location="http://127.0.0.1:1/"), "redirects are not followed"),
    "huge body": (says(200, b"x" * (sending.MAX_ANSWER_BYTES + 1)), "the answer was too long"),
    "endless body": (drips(b"x" * 65_536, 0, 50, b"HTTP/1.1 200 OK\r\n\r\n"), "the answer was too long"),
    "slow answer": (lambda handler: time.sleep(6), "no answer in time"),
    "slow body": (drips(b"x", 0.05, 120, HEAD), "no answer in time"),
    "slow head": (drips(b"X-A: b\r\n", 0.05, 90, b"HTTP/1.1 200 OK\r\n"), "no answer in time"),
    "forever 100": (drips(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, 120), "no answer in time"),
    "garbage": (drips(b"SMTP ready\r\n", 0, 1), "the connection failed"),
    "hangs up": (drips(b"", 0, 1), "the connection failed"),
    "bad chunks": (
        drips(b"zz\r\n", 0, 1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "the connection failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_accepted_is_sent_again(receiver, endpoint, alice, clock, monkeypatch, kind):
    answer, said = BAD[kind]
    if said == "no answer in time":
        monkeypatch.setattr(sending, "SECONDS", 0.5)
    receiver.then = [answer]
    happened(alice)
    began = time.monotonic()
    assert told() == {"failed": 1}
    assert time.monotonic() - began < 4
    (waiting,) = WebhookDelivery.objects.all()
    assert (waiting.status, waiting.attempts, waiting.error) == (Status.PENDING, 1, said)
    assert told() == {}
    clock.forward(seconds=7)
    monkeypatch.setattr(sending, "SECONDS", 10)
    assert told() == {"delivered": 1}
    assert receiver.ids == [waiting.message_id] * 2
    first, second = (sent.headers["webhook-timestamp"] for sent in receiver.sent)
    assert int(second) - int(first) >= 7


def test_nobody_there_is_tried_again(penora, alice, own_machine):
    with listening() as gone:
        webhooks.add_endpoint(app=penora, url=gone.url)
    happened(alice)
    assert told() == {"failed": 1}
    assert WebhookDelivery.objects.get().error == "the connection was refused"


def test_pauses_grow_for_three_days_and_then_it_has_failed(receiver, endpoint, alice, clock):
    receiver.always = says(500)
    happened(alice)
    pauses, outcomes = [], []
    for _ in range(len(runner.PAUSES) + 1):
        outcomes += told().keys()
        waiting = WebhookDelivery.objects.get()
        pauses.append((waiting.due_at - timezone.now()).total_seconds())
        clock.forward(seconds=max(pauses[-1], 0) + 400)
    assert outcomes == ["failed"] * (len(runner.PAUSES) + 1)
    for pause, meant in zip(pauses, runner.PAUSES, strict=False):
        assert meant * 0.89 - 1 < pause < meant * 1.11
    assert sum(runner.PAUSES) > 3 * 86_400
    assert waiting.status == Status.FAILED
    assert len(waiting.history) == len(runner.PAUSES) + 1
    assert told() == {}


def test_pauses_differ_so_that_not_all_come_back_at_once():
    assert len({runner._spread(1_000) for _ in range(20)}) > 1


@pytest.mark.parametrize("after", ["3600", "date"])
def test_it_comes_back_when_it_was_asked_to(receiver, endpoint, alice, clock, after):
    said = http_date(timezone.now().timestamp() + 3600) if after == "date" else after
    receiver.then = [says(503, Retry_After=said)]
    happened(alice, 1)
    told()
    happened(alice, 2)
    clock.forward(minutes=59)
    assert told() == {}
    clock.forward(minutes=2)
    assert told() == {"delivered": 2}


@pytest.mark.parametrize("said", ["never", "-5", "9" * 40, "1e3", "Mon, 99 Foo 2026"])
def test_a_wish_that_makes_no_sense_is_not_followed(receiver, endpoint, alice, clock, said):
    receiver.then = [says(503, Retry_After=said)]
    happened(alice)
    told()
    clock.forward(seconds=7)
    assert told() == {"delivered": 1}


def test_nobody_is_kept_away_for_longer_than_a_day(receiver, endpoint, alice, clock):
    receiver.then = [says(503, Retry_After="99999999")]
    happened(alice)
    told()
    clock.forward(days=1, seconds=1)
    assert told() == {"delivered": 1}


def test_one_message_that_is_refused_holds_up_no_other(receiver, endpoint, alice):
    receiver.then = [says(500)]
    for number in range(3):
        happened(alice, number)
    assert told() == {"delivered": 2, "failed": 1}
    assert [json.loads(sent.body)["data"]["number"] for sent in receiver.sent] == [0, 1, 2]


def test_an_endpoint_that_keeps_failing_is_left_alone_in_between(receiver, endpoint, alice):
    receiver.always = says(500)
    for number in range(50):
        happened(alice, number)
    told()
    assert len(receiver.sent) == 2
    endpoint.refresh_from_db()
    assert endpoint.rests_until > timezone.now()


def test_one_that_works_again_gets_the_rest_at_once(receiver, endpoint, alice, clock):
    receiver.then = [says(500)] * 3
    for number in range(50):
        happened(alice, number)
    for _ in range(4):
        told()
        clock.forward(minutes=6)
    told()
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"delivered"}
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_gone_switches_it_off_and_keeps_what_waits(receiver, endpoint, alice, clock):
    receiver.then = [says(410)]
    happened(alice)
    told()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.disabled_because) == (False, "It answered 410 Gone.")
    clock.forward(hours=1)
    assert told() == {}
    endpoint.is_active = True
    webhooks.save_endpoint(endpoint=endpoint)
    assert told() == {"delivered": 1}


def test_days_of_failing_switch_it_off_and_one_success_starts_them_anew(receiver, endpoint, alice, clock):
    def fail_for(days):
        receiver.always = says(500)
        for number in range(days + 1):
            happened(alice, number)
            told()
            clock.forward(days=1)

    fail_for(4)
    receiver.always = says(200)
    told()
    fail_for(4)
    endpoint.refresh_from_db()
    assert endpoint.is_active
    fail_for(1)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.disabled_because) == (False, "Nothing got through for five days.")


def test_a_failing_endpoint_keeps_no_other_from_its_messages(receiver, endpoint, alice, penora, imagegene):
    services.connect(user=alice, app=imagegene)
    with listening() as other:
        webhooks.add_endpoint(app=imagegene, url=other.url)
        receiver.always = says(500)
        for number in range(20):
            happened(alice, number)
        assert told()["delivered"] == 20
        assert len(other.sent) == 20


def test_an_endpoint_with_much_to_hear_takes_turns_with_the_others(receiver, endpoint, alice, imagegene, monkeypatch):
    services.connect(user=alice, app=imagegene)
    monkeypatch.setattr(runner, "TURN_SECONDS", 0.0)
    order = []
    with listening() as other:
        webhooks.add_endpoint(app=imagegene, url=other.url)
        receiver.always = after(lambda: order.append("penora"))
        other.always = after(lambda: order.append("imagegene"))
        for number in range(4):
            happened(alice, number)
        told()
    assert order == ["penora", "imagegene"] * 4


def test_a_killed_runner_loses_its_turn_after_the_lease(receiver, endpoint, alice, clock):
    happened(alice)
    stuck = runner.take()
    assert stuck == endpoint
    assert runner.take() is None
    assert told() == {}
    clock.forward(seconds=61)
    assert told() == {"delivered": 1}


def test_a_runner_killed_in_the_middle_of_an_attempt_leads_to_another(receiver, endpoint, alice, clock, monkeypatch):
    happened(alice)

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(runner, "_settle", killed)
        with pytest.raises(SystemExit):
            told()
    assert (len(receiver.sent), WebhookDelivery.objects.get().status) == (1, Status.PENDING)
    assert told() == {}
    clock.forward(seconds=61)
    assert told() == {"delivered": 1}
    assert receiver.ids[0] == receiver.ids[1]
    assert WebhookDelivery.objects.get().attempts == 2


def test_a_runner_that_slept_through_its_lease_sends_nothing_more(receiver, endpoint, alice, clock):
    happened(alice)
    late = runner.take()
    clock.forward(seconds=61)
    assert runner.take() == endpoint
    runner.serve(late, tally := runner.Tally())
    assert tally.delivered == 0
    assert receiver.sent == []


def test_an_outcome_that_comes_too_late_changes_nothing(endpoint, alice):
    happened(alice)
    endpoint = runner.take()
    feed.number()
    outbox.queue(endpoint)
    delivery = WebhookDelivery.objects.get()
    assert runner._begin(endpoint, delivery)
    WebhookEndpoint.objects.update(lease="another")
    WebhookDelivery.objects.update(attempts=2, status=Status.DELIVERED, delivered_at=timezone.now())
    before = WebhookDelivery.objects.values().get(), WebhookEndpoint.objects.values().get()
    runner._settle(endpoint, delivery, timezone.now(), sending.Answer(410, "the answer was no 2xx", 5))
    assert (WebhookDelivery.objects.values().get(), WebhookEndpoint.objects.values().get()) == before
