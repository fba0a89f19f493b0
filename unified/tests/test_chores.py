"""The chores: done again and again, in a thread or a process of their own, whatever one of them meets."""

import time
from threading import Event, Thread

import pytest
from django.core import mail as outbox

from accounts import services, webhooks
from accounts.models import Mail
from accounts.tests.receiver import after, happened, listening
from unified import chores

pytestmark = pytest.mark.django_db(transaction=True)


def test_mail_leaves_by_itself(alice):
    facts = {"credits": 3, "credits_balance": 3, "threshold": 10}
    Mail.objects.create(user=alice, template="credits/low_balance", data=facts)
    stop = Event()
    thread = Thread(target=chores.run, args=(stop,))
    thread.start()
    try:
        wait = Event()
        for _ in range(200):
            if outbox.outbox and not Mail.objects.exists():
                break
            wait.wait(0.05)
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert len(outbox.outbox) == 1


def test_a_chore_that_fails_is_logged_and_keeps_nobody_from_theirs(monkeypatch, caplog):
    stop, done = Event(), []

    def fails():
        raise ValueError("broken")

    def ends():
        done.append(True)
        stop.set()

    monkeypatch.setattr(chores, "CHORES", ((1, fails), (1, ends)))
    chores.run(stop)
    assert done == [True]
    assert "The chore" in caplog.text
    assert "fails failed" in caplog.text


def test_a_slow_receiver_keeps_nobody_from_their_messages(receiver, endpoint, alice, imagegene):
    services.connect(user=alice, app=imagegene)
    stop, slow = Event(), Event()
    receiver.always = after(lambda: slow.wait(20))
    with listening() as other:
        webhooks.add_endpoint(app=imagegene, url=other.url)
        happened(alice)
        threads = [Thread(target=chores.run, args=(stop,))]
        for thread in threads:
            thread.start()
        try:
            for number in range(1, 4):
                _until(lambda number=number: len(other.sent) == number)
                happened(alice)
            _until(lambda: len(other.sent) == 4)
            assert len(receiver.sent) == 1
        finally:
            stop.set()
            slow.set()
            for thread in threads:
                thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)


def _until(true):
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.02)
