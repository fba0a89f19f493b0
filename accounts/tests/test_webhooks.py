"""Webhooks: signed, told at least once and to whom they belong, tried again for days, seen and replayed by staff."""

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from accounts import events, services, webhooks
from accounts.errors import InvalidField
from accounts.models import AuditEntry, ClientApp, Event, User, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import sending, targets

pytestmark = pytest.mark.django_db(transaction=True)
Status = WebhookDelivery.Status


class Receiver(ThreadingHTTPServer):
    """An app's server: notes what it is told, and answers as `answers` says, then 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?of=penora"
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.told]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
        act = self.server.answers.pop(0) if self.server.answers else status(204)
        act(self)

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return act


def huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "900000000")
    handler.end_headers()
    with suppress(OSError):
        handler.wfile.write(b"x" * 200_000)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.05)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    # DEBUG says that this is somebody's own machine, where loopback may be called.
    settings.DEBUG = True
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hook(receiver: Receiver, penora: ClientApp) -> WebhookEndpoint:
    return webhooks.add_endpoint(app=penora, url=receiver.url)[0]


def happen(user: User, number: int = 1, kind: str = "credits.changed") -> Event:
    return events.record(user=user, type=kind, data={"amount": -number})


def delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.select_related("event").get()


def due_now() -> None:
    WebhookDelivery.objects.filter(status=Status.PENDING).update(due_at=timezone.now())


def test_tells_what_the_feed_tells_signed_so_that_the_secret_proves_it(alice, penora, receiver):
    _, secret = webhooks.add_endpoint(app=penora, url=receiver.url)
    event = happen(alice)
    assert (webhooks.deliver().delivered, webhooks.deliver().delivered) == (1, 0)
    [(headers, body)] = receiver.told
    event.refresh_from_db()
    said = Webhook(secret).verify(body.decode(), headers)
    at = event.created_at.isoformat().replace("+00:00", "Z")
    assert said == {
        "id": event.position,
        "type": "credits.changed",
        "timestamp": at,
        "user_id": "alice",
        "created_at": at,
        "data": {"amount": -1},
    }
    assert (headers["webhook-id"], headers["content-type"]) == (f"evt_{event.position}", "application/json")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.decode().replace("-1", "-2"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhooks.new_secret()).verify(body.decode(), headers)
    told = delivery()
    assert (told.status, told.attempts, told.answered, told.error) == ("delivered", 1, 204, "")


def test_tells_from_now_on_and_in_the_order_of_the_feed(alice, penora, receiver):
    happen(alice)
    webhooks.add_endpoint(app=penora, url=receiver.url)
    made = [happen(alice, number) for number in range(5)]
    assert webhooks.deliver().delivered == 5
    assert [json.loads(body)["data"]["amount"] for _, body in receiver.told] == [0, -1, -2, -3, -4]
    assert len(made) == len(set(receiver.ids()))


def test_tells_only_the_types_that_are_wanted(alice, penora, receiver):
    webhooks.add_endpoint(app=penora, url=receiver.url, types=["project.saved"])
    for kind in ("credits.changed", "project.saved"):
        happen(alice, kind=kind)
    webhooks.deliver()
    assert [json.loads(body)["type"] for _, body in receiver.told] == ["project.saved"]


def test_an_app_hears_of_its_own_people_only(alice, bob, stranger_app, receiver):
    webhooks.add_endpoint(app=stranger_app, url=receiver.url)
    services.connect(user=bob, app=stranger_app)
    happen(alice)
    mine = happen(bob)
    webhooks.deliver()
    mine.refresh_from_db()
    assert receiver.ids() == [f"evt_{mine.position}"]
    assert "alice" not in str(receiver.told)
    # What was passed over is not told when the person lets the app in later.
    services.connect(user=alice, app=stranger_app)
    webhooks.deliver()
    assert len(receiver.told) == 1


def test_who_withdraws_in_between_is_not_told_of(alice, hook, penora, receiver):
    receiver.answers = [status(500)]
    happen(alice)
    webhooks.deliver()
    services.disconnect(user=alice, app=penora)
    due_now()
    webhooks.deliver()
    assert (len(receiver.told), delivery().status) == (1, "withheld")


FAILURES = {
    "500": (status(500), "the answer was no 2xx"),
    "404": (status(404), "the answer was no 2xx"),
    "a redirect, which is not followed": (status(307, Location="http://127.0.0.1:1/"), "redirects are not followed"),
    "a hang-up": (lambda handler: handler.connection.shutdown(socket.SHUT_RDWR), "the connection failed"),
}


@pytest.mark.parametrize(("answer", "why"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_tried_again_with_the_same_id(alice, hook, receiver, answer, why):
    receiver.answers = [answer]
    happen(alice)
    assert webhooks.deliver().failed == 1
    told = delivery()
    assert (told.status, told.attempts, told.error) == ("pending", 1, why)
    assert 4 < (told.due_at - timezone.now()).total_seconds() < 6
    assert webhooks.deliver().delivered == 0
    due_now()
    assert webhooks.deliver().delivered == 1
    assert len(set(receiver.ids())) == 1
    hook.refresh_from_db()
    assert (delivery().attempts, hook.failing_since) == (2, None)


def test_the_pauses_grow_and_after_three_days_it_is_given_up(alice, hook, receiver, clock):
    receiver.answers = [status(500)] * 99
    happen(alice)
    started, attempts = timezone.now(), 0
    while (told := WebhookDelivery.objects.first()) is None or told.status == Status.PENDING:
        if told is not None:
            clock.ahead += max(timedelta(), told.due_at - timezone.now()) + timedelta(milliseconds=1)
        webhooks.deliver()
        attempts += 1
        assert attempts < 20
    assert (delivery().status, delivery().attempts, len(receiver.told)) == ("failed", 10, 10)
    assert timedelta(days=2.5) < timezone.now() - started < timedelta(days=4)


def test_retry_after_is_honoured_up_to_a_day(alice, hook, receiver):
    for asked, seconds in (("120", 120), ("999999", 86_400), ("soon", 5)):
        WebhookDelivery.objects.all().delete()
        WebhookEndpoint.objects.update(rests_until=None)
        receiver.answers = [status(503, Retry_After=asked)]
        happen(alice)
        webhooks.deliver()
        assert abs((delivery().due_at - timezone.now()).total_seconds() - seconds) < 2


def test_an_answer_of_a_gigabyte_is_not_read(alice, hook, receiver):
    receiver.answers = [huge]
    happen(alice)
    started = time.monotonic()
    assert webhooks.deliver().failed == 1
    assert time.monotonic() - started < 5
    assert delivery().error == "the answer was too long"


def test_an_answer_that_drips_is_cut_off(alice, hook, receiver, monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 1)
    receiver.answers = [dripping]
    happen(alice)
    started = time.monotonic()
    assert webhooks.deliver().failed == 1
    assert time.monotonic() - started < 5
    assert delivery().error == "no answer in time"


@pytest.mark.races
def test_several_senders_tell_each_event_once(alice, hook, receiver, race):
    for number in range(12):
        happen(alice, number)
    results = race(lambda _: webhooks.deliver(), times=6, threads=6)
    assert [result for result in results if isinstance(result, Exception)] == []
    webhooks.deliver()
    assert set(Counter(receiver.ids()).values()) == {1}
    assert len(receiver.told) == 12


def test_who_is_gone_for_good_is_switched_off(alice, hook, receiver):
    receiver.answers = [status(410)]
    happen(alice)
    webhooks.deliver()
    hook.refresh_from_db()
    assert (hook.is_active, hook.disabled_because) == (False, "It answered 410 Gone.")
    due_now()
    assert webhooks.deliver().delivered == 0


def test_who_fails_for_five_days_is_switched_off(alice, hook, receiver, clock):
    receiver.answers = [status(500)] * 9
    happen(alice)
    webhooks.deliver()
    clock.forward(days=5, minutes=1)
    webhooks.deliver()
    hook.refresh_from_db()
    assert (hook.is_active, hook.disabled_because) == (False, "Nothing got through for five days.")


def test_both_secrets_sign_for_a_day_after_a_rotation(alice, penora, receiver, clock):
    hook, old = webhooks.add_endpoint(app=penora, url=receiver.url)
    new = webhooks.rotate_secret(endpoint=hook)
    happen(alice)
    webhooks.deliver()
    headers, body = receiver.told[0]
    for secret in (old, new):
        assert Webhook(secret).verify(body.decode(), headers)["user_id"] == "alice"
    clock.forward(days=1, seconds=1)
    happen(alice)
    webhooks.deliver()
    assert len(receiver.told[1][0]["webhook-signature"].split()) == 1


def test_the_secret_is_kept_sealed(penora, receiver):
    hook, secret = webhooks.add_endpoint(app=penora, url=receiver.url)
    hook.refresh_from_db()
    assert secret.removeprefix("whsec_") not in hook.secret


def test_a_secret_that_cannot_be_read_any_more_is_a_failure_that_says_so(alice, hook, receiver):
    WebhookEndpoint.objects.update(secret="gAAAAAsomebody-elses")
    happen(alice)
    assert webhooks.deliver().failed == 1
    assert delivery().error == "the secret cannot be read: SECRET_KEY is another one"


def test_deliveries_go_with_their_events_and_their_person(alice, hook, receiver, clock):
    happen(alice)
    webhooks.deliver()
    clock.forward(days=31)
    assert events.prune() > 0
    assert not WebhookDelivery.objects.exists()


NEVER = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  (an address that is refused)
    "192.88.99.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fe80::1",
    "fc00::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", NEVER)
def test_an_address_that_is_not_on_the_internet_is_refused(address):
    assert not targets.may_be_called(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_an_address_of_the_internet_is_taken(address):
    assert targets.may_be_called(address)


HOSTILE = [
    "http://hooks.example/",
    "ftp://hooks.example/",
    "https://",
    "https://localhost/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://user:password@hooks.example/",
    "https://hooks.example/#part",
    "https://hooks.example:99999/",
    "https://hooks.example\\@127.0.0.1/",
    "https://hooks.example/ x",
    "https://b\xfccher.example/",
    "https://does-not-exist.invalid/",
    "javascript:alert(1)",
    "//hooks.example/",
    "https://hooks.example/" + "x" * 500,
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_that_must_not_be_called_is_refused_when_it_is_set(penora, url):
    with pytest.raises(InvalidField):
        webhooks.add_endpoint(app=penora, url=url)
    assert not WebhookEndpoint.objects.exists()


@pytest.fixture
def names(monkeypatch):
    """What names stand for, in turn: each look takes the next."""
    stands: dict[str, list[str]] = {}

    def look(host: str, port: int, **kwargs: Any) -> list[Any]:
        found = stands[host].pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found.split()]

    monkeypatch.setattr(targets.socket, "getaddrinfo", look)
    return stands


def test_a_name_with_one_private_address_among_others_is_refused(penora, names):
    names["hooks.example"] = ["8.8.8.8 10.0.0.1"]
    with pytest.raises(InvalidField):
        webhooks.add_endpoint(app=penora, url="https://hooks.example/")


def test_a_name_that_turns_private_is_not_called(alice, penora, names):
    names["hooks.example"] = ["8.8.8.8", "127.0.0.1"]
    webhooks.add_endpoint(app=penora, url="https://hooks.example/")
    happen(alice)
    assert webhooks.deliver().failed == 1
    assert delivery().error == "the host is not on the internet"


def test_the_command_prints_counts_and_may_be_run_twice(alice, hook, receiver):
    happen(alice)
    for expected in ("1 queued, 1 delivered, 0 failed, 0 withheld.", "0 queued, 0 delivered, 0 failed, 0 withheld."):
        out = StringIO()
        call_command("deliver_webhooks", stdout=out)
        assert out.getvalue().strip() == expected


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def test_staff_add_a_webhook_and_see_its_secret_once(alice, desk, penora, receiver):
    url = reverse("admin:accounts_clientapp_add_webhook", args=[penora.pk])
    page = desk.post(url, {"url": receiver.url, "types": ["credits.changed"]})
    assert "no-store" in page["Cache-Control"]
    secret = page.content.decode().split('id="new-key">')[1].split("<")[0]
    made = WebhookEndpoint.objects.get()
    assert (made.app, made.types) == (penora, ["credits.changed"])
    happen(alice)
    webhooks.deliver()
    headers, body = receiver.told[0]
    assert Webhook(secret).verify(body.decode(), headers)
    assert AuditEntry.objects.filter(action="webhook.added").count() == 1
    assert secret not in str(list(AuditEntry.objects.values_list("details", flat=True)))
    assert secret not in desk.get(reverse("admin:accounts_webhookendpoint_change", args=[made.pk])).content.decode()


def test_staff_cannot_point_a_webhook_at_this_machine(desk, penora):
    url = reverse("admin:accounts_clientapp_add_webhook", args=[penora.pk])
    page = desk.post(url, {"url": "https://127.0.0.1/"})
    assert "not on the internet" in page.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_staff_rotate_the_secret(desk, hook):
    before = hook.secret
    page = desk.post(reverse("admin:accounts_webhookendpoint_rotate", args=[hook.pk]), {})
    hook.refresh_from_db()
    assert "whsec_" in page.content.decode()
    assert (hook.old_secret, hook.secret == before) == (before, False)


def test_staff_see_what_failed_and_replay_it(alice, desk, hook, receiver):
    receiver.answers = [status(500)]
    happen(alice)
    webhooks.deliver()
    WebhookDelivery.objects.update(status=Status.FAILED, attempts=10)
    start = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", desk.get("/admin/").content.decode()))
    assert "Webhook deliveries failed 1 Addresses 1 Switched off 0" in start
    lists = reverse("admin:accounts_webhookdelivery_changelist")
    assert "the answer was no 2xx" in desk.get(lists, {"status__exact": "failed"}).content.decode()
    desk.post(lists, {"action": "replay", "_selected_action": [delivery().pk]})
    assert (delivery().status, delivery().attempts) == ("pending", 0)
    assert webhooks.deliver().delivered == 1
    assert len(set(receiver.ids())) == 1
    assert AuditEntry.objects.filter(action="webhook.replayed").exists()


def test_staff_replay_all_that_failed_at_an_address(alice, desk, hook, receiver):
    for _ in range(3):
        happen(alice)
    webhooks.deliver()
    WebhookDelivery.objects.update(status=Status.FAILED)
    lists = reverse("admin:accounts_webhookendpoint_changelist")
    desk.post(lists, {"action": "replay_failed", "_selected_action": [hook.pk]})
    assert webhooks.deliver().delivered == 3


def test_switching_on_again_forgets_why_it_was_off_and_tells_what_was_missed(alice, desk, hook, receiver):
    receiver.answers = [status(410)]
    happen(alice)
    webhooks.deliver()
    happen(alice, 2)
    assert webhooks.deliver().queued == 0
    url = reverse("admin:accounts_webhookendpoint_change", args=[hook.pk])
    assert desk.post(url, {"url": receiver.url, "is_active": "on"}).status_code == 302
    hook.refresh_from_db()
    assert (hook.is_active, hook.disabled_because, hook.failing_since) == (True, "", None)
    due_now()
    assert webhooks.deliver().delivered == 2
