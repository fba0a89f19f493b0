"""Mail leaves after the transaction that decided on it: none is lost, none is sent twice by racing senders."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.models import Mail

FACTS = {"credits": 3, "credits_balance": 3, "threshold": 10}


@pytest.fixture
def queued(alice):
    return Mail.objects.create(user=alice, template="credits/low_balance", data=FACTS)


class Unreachable(EmailBackend):
    """A mail server that is down."""

    def send_messages(self, messages):
        raise smtplib.SMTPServerDisconnected("gone")


def test_a_mail_goes_out_once_and_its_row_with_it(queued):
    assert (mail.deliver(), mail.deliver()) == (1, 0)
    assert len(outbox.outbox) == 1
    assert not Mail.objects.exists()


def test_a_mail_says_what_was_true_and_carries_an_id_that_a_repeat_would_carry_again(queued):
    first, again = mail._message(queued), mail._message(Mail.objects.get())
    assert first.extra_headers == again.extra_headers
    assert first.extra_headers["Message-ID"].endswith("@127.0.0.1>")
    assert first.subject == "You have 3 credits left"


def test_a_name_is_written_as_it_is_and_adds_no_header(alice):
    alice.username = "O'Neill <b>\r\nBcc: all@example.com"
    alice.save()
    Mail.objects.create(user=alice, template="credits/low_balance", data=FACTS)
    assert mail.deliver() == 1
    [sent] = outbox.outbox
    assert "Hello O'Neill," in sent.body
    assert sent.recipients() == ["alice@example.com"]


def test_an_unreachable_server_delays_a_mail_longer_each_time(queued, settings, clock):
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    assert mail.deliver() == 0
    clock.forward(seconds=119)
    assert mail.deliver() == 0
    assert Mail.objects.get().attempts == 1
    clock.forward(seconds=2)
    assert mail.deliver() == 0
    left = Mail.objects.get()
    assert left.attempts == 2
    assert timedelta(minutes=3) < left.due_at - timezone.now() <= timedelta(minutes=4)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    clock.forward(minutes=5)
    assert mail.deliver() == 1


def test_a_mail_nobody_takes_is_given_up_and_kept_for_staff_to_see(queued, settings, clock):
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    for _ in range(mail.MAX_ATTEMPTS + 3):
        mail.deliver()
        clock.forward(days=4)
    assert Mail.objects.get().attempts == mail.MAX_ATTEMPTS


def test_a_sender_that_died_leaves_the_mail_to_another_after_its_lease(queued, clock):
    assert mail._take() == queued
    assert mail.deliver() == 0
    clock.forward(minutes=3)
    assert mail.deliver() == 1
    assert len(outbox.outbox) == 1


def test_nothing_is_written_to_a_closed_account(queued, alice):
    alice.is_active = False
    alice.save()
    assert mail.deliver() == 0
    assert outbox.outbox == []
    assert not Mail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_sends_nothing(alice):
    @transaction.atomic
    def fail():
        Mail.objects.create(user=alice, template="credits/low_balance", data=FACTS)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert mail.deliver() == 0
    assert outbox.outbox == []


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_senders_send_each_mail_once(alice, race):
    for _ in range(5):
        Mail.objects.create(user=alice, template="credits/low_balance", data=FACTS)
    results = race(lambda _: mail.deliver(), times=8)
    assert sum(results) == len(outbox.outbox) == 5
