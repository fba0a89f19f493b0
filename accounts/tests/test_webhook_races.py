"""Many runners, writers and a slow receiver at the same time: each event is sent, in order, and by one runner only."""

import json
import time
from threading import Event as Signal
from threading import Thread

import pytest
from django.db import connections, transaction

from accounts import events, services, webhooks
from accounts.models import WebhookDelivery
from accounts.tests.receiver import after, happened, says, told
from accounts.webhooks import runner

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


def numbers(receiver):
    return [json.loads(sent.body)["data"]["number"] for sent in receiver.sent]


def test_racing_runners_send_each_event_once_and_in_order(receiver, endpoint, alice, bob, race):
    for number in range(30):
        happened((alice, bob)[number % 2], number)
    counts = race(lambda _: webhooks.deliver(), times=6)
    assert sum(count.delivered for count in counts) == 30
    assert numbers(receiver) == list(range(30))


def test_racing_runners_never_send_two_messages_of_an_endpoint_at_once(receiver, endpoint, alice, race):
    at_work, most = [], []

    def slowly(handler):
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()
        handler.answer(200)

    receiver.always = slowly
    for number in range(15):
        happened(alice, number)
    race(lambda _: webhooks.deliver(), times=6)
    assert (len(most), max(most)) == (15, 1)


def test_racing_takers_get_one_turn_between_them(receiver, endpoint, alice, race):
    happened(alice)
    taken = race(lambda _: runner.take(), times=8)
    assert sum(one is not None for one in taken) == 1


def test_racing_writers_and_runners_leave_nothing_out(receiver, endpoint, alice, bob, race):
    def work(worker):
        if worker < 3:
            for number in range(10):
                with transaction.atomic():
                    person = (alice, bob)[number % 2]
                    events.record(user=person, type="credits.changed", data={"number": worker * 100 + number})
            return
        ends = time.monotonic() + 20
        while WebhookDelivery.objects.filter(status="delivered").count() < 30 and time.monotonic() < ends:
            told()

    race(work, times=6)
    sent = numbers(receiver)
    assert sorted(sent) == sorted(worker * 100 + number for worker in range(3) for number in range(10))
    for worker in range(3):
        own = [number for number in sent if number // 100 == worker]
        assert own == sorted(own)


def test_while_a_receiver_takes_its_time_no_database_connection_waits(receiver, endpoint, alice):
    happened(alice)
    used, held = [], Signal()
    receiver.always = after(lambda: held.wait(20))

    def work():
        used.append(connections["default"])
        told()
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    _until(lambda: len(receiver.sent) == 1)
    assert used[0].connection is None
    held.set()
    thread.join()
    assert WebhookDelivery.objects.get().status == "delivered"


def _until(true):
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_disconnection_that_races_with_a_run_is_kept_to(receiver, endpoint, alice, penora, race):
    receiver.always = says(200)
    for number in range(20):
        happened(alice, number)

    def work(worker):
        if worker:
            return told()
        time.sleep(0.05)
        services.disconnect(user=alice, app=penora)
        return len(receiver.sent)

    sent_by_then, counts = race(work, times=2)
    # One may have been on its way.
    assert len(receiver.sent) <= sent_by_then + 1
    assert counts.get("delivered", 0) == len(receiver.sent)
