"""Webhooks: an app is told of what happens to its people, signed, in order, at least once, and of nobody else."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from accounts import feed, services, webhooks
from accounts.closing import forget
from accounts.models import WebhookDelivery
from accounts.tests.cast import client_of
from accounts.tests.receiver import hangs_up, happened, says, told
from accounts.webhooks import outbox

pytestmark = pytest.mark.django_db
Status = WebhookDelivery.Status


def statuses():
    return list(WebhookDelivery.objects.order_by("pk").values_list("status", flat=True))


def test_messages_come_in_the_order_of_the_feed_over_one_connection(receiver, endpoint, alice, bob):
    for number in range(6):
        happened((alice, bob)[number % 2], number)
    assert told() == {"delivered": 6}
    assert [json.loads(sent.body)["data"]["number"] for sent in receiver.sent] == list(range(6))
    assert len({sent.connection for sent in receiver.sent}) == 1


def test_a_connection_that_was_closed_in_between_is_made_anew(receiver, endpoint, alice):
    for number in range(3):
        happened(alice, number)
    receiver.always = hangs_up
    assert told() == {"delivered": 3}
    assert len({sent.connection for sent in receiver.sent}) == 3


def test_nothing_is_written_down_about_who_was_disconnected(receiver, endpoint, alice, penora):
    happened(alice)
    services.disconnect(user=alice, app=penora)
    assert told() == {}
    assert receiver.sent == []
    assert statuses() == []


def test_whoever_disconnects_before_it_is_sent_is_not_told_of(receiver, endpoint, alice, penora):
    happened(alice)
    feed.number()
    assert outbox.queue(endpoint) == 1
    services.disconnect(user=alice, app=penora)
    assert told() == {"withheld": 1}
    assert receiver.sent == []
    assert statuses() == [Status.WITHHELD]
    assert "not let the app in" in WebhookDelivery.objects.get().error


def test_a_retry_too_is_not_sent_about_who_disconnected_meanwhile(receiver, endpoint, alice, penora, clock):
    receiver.then = [says(500)]
    happened(alice)
    told()
    services.disconnect(user=alice, app=penora)
    clock.forward(minutes=1)
    assert told() == {"withheld": 1}
    assert len(receiver.sent) == 1


def test_nothing_is_left_about_who_closed_their_account(receiver, endpoint, alice):
    receiver.always = says(500)
    happened(alice)
    told()
    assert statuses() == [Status.PENDING]
    forget(alice)
    assert not WebhookDelivery.objects.exists()
    assert told() == {}


def test_an_app_that_is_switched_off_is_told_nothing(receiver, endpoint, alice, penora):
    happened(alice)
    penora.is_active = False
    penora.save()
    assert told() == {}
    assert receiver.sent == []


def test_one_that_is_switched_on_again_hears_what_it_missed(receiver, endpoint, alice):
    endpoint.is_active = False
    webhooks.save_endpoint(endpoint=endpoint)
    happened(alice)
    assert told() == {}
    endpoint.is_active = True
    webhooks.save_endpoint(endpoint=endpoint)
    assert told() == {"delivered": 1}


def test_saving_leaves_alone_what_a_runner_wrote_meanwhile(receiver, endpoint, alice):
    happened(alice)
    told()
    endpoint.types = ["project.saved"]
    webhooks.save_endpoint(endpoint=endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.types, endpoint.position) == (["project.saved"], feed.head())
    assert endpoint.turn_at is not None


def test_more_than_a_batch_is_sent_whole(receiver, endpoint, alice, monkeypatch):
    monkeypatch.setattr(outbox, "EVENTS_AT_ONCE", 3)
    for number in range(7):
        happened(alice, number)
    assert told() == {"delivered": 7}
    assert [json.loads(sent.body)["data"]["number"] for sent in receiver.sent] == list(range(7))


def test_a_test_message_is_about_nobody_and_answered_at_once(penora, receiver):
    endpoint, secret = webhooks.add_endpoint(app=penora, url=receiver.url)
    answer = webhooks.send_test(endpoint=endpoint)
    assert (answer.accepted, answer.status) == (True, 200)
    (sent,) = receiver.sent
    body = Webhook(secret).verify(sent.body, sent.headers)
    assert (body["type"], body["user_id"], body["data"]) == ("webhook.test", None, {})
    assert sent.headers["webhook-id"].startswith("test_")
    assert not WebhookDelivery.objects.exists()


def test_all_that_failed_since_a_time_is_replayed(receiver, endpoint, alice):
    receiver.always = says(500)
    for number in range(3):
        happened(alice, number)
    feed.number()
    outbox.queue(endpoint)
    WebhookDelivery.objects.update(status=Status.FAILED, due_at=timezone.now())
    oldest = WebhookDelivery.objects.order_by("pk").first()
    WebhookDelivery.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - timedelta(hours=2))
    receiver.always = says(200)
    assert webhooks.replay_failed(endpoint=endpoint, since=timezone.now() - timedelta(hours=1)) == 2
    assert told() == {"delivered": 2}
    assert oldest.message_id not in receiver.ids


def test_the_feed_is_as_it_was(receiver, endpoint, alice, penora_key):
    happened(alice, 1)
    told()
    happened(alice, 2)
    found = client_of(penora_key).get("/api/unified/events").json()["results"]
    assert [event["data"]["number"] for event in found] == [1, 2]
