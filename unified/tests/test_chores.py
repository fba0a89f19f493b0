"""The chores: done again and again, in a thread or a process of their own, whatever one of them meets."""

from threading import Event, Thread

import pytest
from django.core import mail as outbox

from accounts.models import Mail
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
