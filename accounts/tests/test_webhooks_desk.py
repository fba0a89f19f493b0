"""Staff try a webhook, see each attempt and replay what failed since a time; nobody else does, and no lock waits."""

import re
from datetime import timedelta

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from accounts import feed
from accounts.models import AuditEntry, User, WebhookDelivery, WebhookEndpoint
from accounts.tests.receiver import happened, says, told
from accounts.webhooks import outbox, targets

pytestmark = pytest.mark.django_db
Status = WebhookDelivery.Status


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def page(name, endpoint):
    return reverse(f"admin:accounts_webhookendpoint_{name}", args=[endpoint.pk])


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def test_a_test_message_says_how_it_was_answered(desk, receiver, endpoint):
    assert page("test", endpoint) in desk.get(page("change", endpoint)).content.decode()
    assert "Send a test message" in desk.get(page("test", endpoint)).content.decode()
    assert receiver.sent == []
    assert "It was accepted: 200" in words(desk.post(page("test", endpoint), follow=True))
    assert len(receiver.sent) == 1
    receiver.always = says(500)
    assert "Not accepted: the answer was no 2xx." in words(desk.post(page("test", endpoint), follow=True))
    assert AuditEntry.objects.filter(action="webhook.tested").count() == 2


def test_what_failed_since_a_time_is_replayed(desk, receiver, endpoint, alice):
    for number in range(3):
        happened(alice, number)
    feed.number()
    outbox.queue(endpoint)
    WebhookDelivery.objects.update(status=Status.FAILED)
    oldest = WebhookDelivery.objects.order_by("pk").first()
    WebhookDelivery.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - timedelta(hours=5))
    since = timezone.now() - timedelta(hours=1)
    answer = desk.post(page("replay", endpoint), {"since": f"{since:%Y-%m-%dT%H:%M}"}, follow=True)
    assert "2 deliveries are told again." in words(answer)
    assert told() == {"delivered": 2}
    assert oldest.message_id not in receiver.ids
    assert AuditEntry.objects.filter(action="webhook.replayed").count() == 1
    assert desk.post(page("replay", endpoint), {"since": "yesterday"}).status_code == 200


def test_each_attempt_is_seen(desk, receiver, endpoint, alice, clock):
    receiver.then = [says(503)]
    happened(alice)
    told()
    clock.forward(minutes=1)
    told()
    delivery = WebhookDelivery.objects.get()
    seen = words(desk.get(reverse("admin:accounts_webhookdelivery_change", args=[delivery.pk])))
    assert re.search(r"UTC: 503, \d+ ms the answer was no 2xx .*UTC: 200, \d+ ms", seen)


def test_deliveries_are_found_by_app_type_and_status(desk, receiver, endpoint, alice, penora, imagegene):
    happened(alice)
    told()
    lists = reverse("admin:accounts_webhookdelivery_changelist")
    for query, found in (
        ({"endpoint__app__id__exact": penora.pk, "status__exact": "delivered", "event__type": "credits.changed"}, 1),
        ({"endpoint__app__id__exact": imagegene.pk}, 0),
        ({"status__exact": "failed"}, 0),
        ({"event__type": "project.saved"}, 0),
    ):
        assert desk.get(lists, query).context["cl"].result_count == found


@pytest.mark.parametrize("name", ["test", "replay", "rotate", "change"])
def test_nobody_does_so_without_the_permission(client, receiver, endpoint, name):
    client.force_login(User.objects.create_user("helper@example.com", is_staff=True))
    sent = {"since": "2026-01-01T00:00", "url": "https://hooks.example.com/"}
    before = WebhookEndpoint.objects.values().get()
    assert client.post(page(name, endpoint), sent).status_code == 403
    assert receiver.sent == []
    assert WebhookEndpoint.objects.values().get() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["add_webhook", "change", "test"])
def test_nothing_is_locked_while_the_network_is_asked(desk, receiver, endpoint, penora, monkeypatch, name):
    # The page's own: names are looked up in another thread.
    seen, used, real = [], connections["default"], targets.socket.getaddrinfo

    def getaddrinfo(*args, **kwargs):
        seen.append(used.in_atomic_block)
        return real(*args, **kwargs)

    monkeypatch.setattr(targets.socket, "getaddrinfo", getaddrinfo)
    url = reverse("admin:accounts_clientapp_add_webhook", args=[penora.pk])
    url = url if name == "add_webhook" else page(name, endpoint)
    assert desk.post(url, {"url": receiver.url, "is_active": "on"}).status_code in (200, 302)
    assert seen
    assert not any(seen)


def test_an_address_is_looked_at_again_when_it_is_changed(desk, receiver, endpoint):
    answer = desk.post(page("change", endpoint), {"url": "http://10.0.0.1/", "is_active": "on"})
    assert "not on the internet" in answer.content.decode()
    assert WebhookEndpoint.objects.get().url == receiver.url


def test_what_is_switched_off_by_itself_is_in_the_audit_log(receiver, endpoint, alice):
    receiver.always = says(410)
    happened(alice)
    told()
    assert AuditEntry.objects.get(action="webhook.switched_off").facts["said"] == "It answered 410 Gone."
