"""Live updates against a real server: pushed within a second, resumed without gap or repeat, and to nobody else."""

import json
import os
import signal
import socket
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection

import pytest
import simple_websocket
from django.db import connection
from django.test import Client

from accounts import services
from accounts.events import Pulse
from accounts.models import Event
from accounts.tests.party import Party
from credits import services as credits
from tests.server import gunicorn
from unified import live

pytestmark = [pytest.mark.serve, pytest.mark.django_db(transaction=True)]
STREAM = "/api/unified/events/stream"


@pytest.fixture(scope="module")
def port(django_db_setup):
    with gunicorn() as (_, port):
        yield port


class Stream:
    """A server-sent event stream as a browser reads it."""

    def __init__(self, port, headers, query="", **extra):
        self.connection = HTTPConnection("127.0.0.1", port, timeout=5)
        self.connection.request("GET", STREAM + query, headers={**headers, **extra, "Accept": "text/event-stream"})
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.status = self.response.status
        if self.status == 200:
            self.last_id = self._block()["id"]

    def _block(self):
        lines = iter(lambda: self.response.readline().decode().rstrip("\n"), "")
        return dict(line.split(": ", 1) for line in lines)

    def event(self):
        block = self._block()
        self.last_id = block["id"]
        event = json.loads(block["data"])
        assert (str(event["id"]), event["type"]) == (block["id"], block["event"])
        return event

    def says_nothing(self, seconds=1.2):
        self.socket.settimeout(seconds)
        try:
            return self.response.readline() == b""
        except TimeoutError:
            return True

    def close(self):
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()


@pytest.fixture
def listen(port):
    opened = []

    def start(headers, query="", **extra):
        opened.append(Stream(port, headers, query, **extra))
        return opened[-1]

    yield start
    for stream in opened:
        stream.close()


@pytest.fixture
def as_penora(penora_key):
    return {"Authorization": f"Bearer {penora_key}"}


def session_of(user):
    browser = Client()
    browser.force_login(user)
    return {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}


def charge(user, app, amount=1):
    return credits.charge(user=user, app=app, amount=amount, description="work")


@contextmanager
def talking(port, headers, query=""):
    talk = simple_websocket.Client(f"ws://127.0.0.1:{port}/ws/unified{query}", headers=headers)
    try:
        yield talk
    finally:
        with suppress(simple_websocket.ConnectionClosed):
            talk.close()
        talk.thread.join(timeout=5)


def refusal(port, headers):
    """The answer to a WebSocket handshake that must fail."""
    http = HTTPConnection("127.0.0.1", port, timeout=5)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    http.request("GET", "/ws/unified", headers={**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers})
    answer = http.getresponse()
    body = json.loads(answer.read())
    http.close()
    return answer.status, body["code"]


def charge_over_http(port, headers, user_id):
    body = json.dumps({"user_id": user_id, "amount": 1, "app_name": "penora", "description": "work"}).encode()
    http = HTTPConnection("127.0.0.1", port, timeout=30)
    http.request("POST", "/api/unified/deduct-credits", body, {**headers, "Content-Type": "application/json"})
    assert http.getresponse().status == 200
    http.close()


def test_a_charge_is_pushed_within_a_second(listen, port, as_penora, alice, penora):
    credits.wallet_of(user=alice)
    stream = listen(session_of(alice))
    for pay in (lambda: charge(alice, penora), lambda: charge_over_http(port, as_penora, "alice")):
        pay()
        started = time.monotonic()
        event = stream.event()
        assert time.monotonic() - started < 1
        assert (event["type"], event["user_id"], event["data"]["amount"]) == ("credits.changed", "alice", -1)


def test_resumes_behind_the_last_event_without_gap_or_repeat(listen, as_penora, alice, penora):
    credits.wallet_of(user=alice)
    stream = listen(as_penora)
    first = charge(alice, penora)
    assert stream.event()["data"]["transaction_id"] == first.pk
    stream.close()
    missed = [charge(alice, penora).pk for _ in range(3)]
    again = listen(as_penora, "?after=0", **{"Last-Event-ID": stream.last_id})
    assert [again.event()["data"]["transaction_id"] for _ in missed] == missed
    after = listen(as_penora, f"?after={stream.last_id}")
    assert after.event()["data"]["transaction_id"] == missed[0]


def test_a_stream_that_heard_nothing_still_knows_where_to_resume(listen, as_penora, alice, penora):
    credits.wallet_of(user=alice)
    stream = listen(as_penora)
    stream.close()
    missed = charge(alice, penora)
    again = listen(as_penora, **{"Last-Event-ID": stream.last_id})
    assert again.event()["data"]["transaction_id"] == missed.pk


def test_nobody_hears_another_persons_events(listen, as_penora, imagegene_key, alice, bob, penora):
    bobs, strangers = listen(session_of(bob)), listen({"Authorization": f"Bearer {imagegene_key}"})
    credits.wallet_of(user=alice)
    charge(alice, penora)
    assert bobs.says_nothing()
    assert strangers.says_nothing()


def test_a_disconnected_app_hears_nothing_more(listen, as_penora, alice, penora):
    credits.wallet_of(user=alice)
    stream = listen(as_penora)
    services.disconnect(user=alice, app=penora)
    with_own_credits = credits.grant(user=alice, amount=5, reason="thanks")
    assert with_own_credits.amount == 5
    assert stream.says_nothing()


def test_a_revoked_key_ends_its_stream_before_the_next_event(listen, as_penora, alice, penora):
    credits.wallet_of(user=alice)
    stream = listen(as_penora)
    for key in penora.keys.all():
        services.revoke_api_key(key=key)
    charge(alice, penora)
    assert stream.response.read() == b""


def test_a_token_hears_its_person_and_nobody_else_until_it_ends(listen, port, stranger_app, alice, bob, penora):
    bearer = {"Authorization": f"Bearer {Party(stranger_app).tokens(alice)['access_token']}"}
    for person in (alice, bob):
        credits.wallet_of(user=person)
    stream = listen(bearer)
    with talking(port, bearer, f"?after={stream.last_id}") as talk:
        charge(bob, penora)
        paid = charge(alice, penora)
        told = (stream.event(), json.loads(talk.receive(timeout=10)))
        assert [event["data"]["transaction_id"] for event in told] == [paid.pk, paid.pk]
        assert {event["user_id"] for event in told} == {"alice"}
        assert listen(bearer, "?user_id=bob").status == 404
        services.disconnect(user=alice, app=stranger_app)
        charge(alice, penora)
        assert stream.response.read() == b""
        with pytest.raises(simple_websocket.ConnectionClosed):
            talk.receive(timeout=10)
    assert (listen(bearer).status, refusal(port, bearer)[0]) == (401, 401)


def test_refuses_callers_as_the_api_does(listen, port, bob, alice, penora):
    assert listen({}).status == 401
    assert listen(session_of(alice), "?user_id=bob").status == 404
    assert listen(session_of(alice), "?after=x").status == 400
    assert listen(session_of(alice), **{"Last-Event-ID": "x"}).status == 400
    _, plaintext = services.create_api_key(app=penora, scopes=["credits:read"])
    assert listen({"Authorization": f"Bearer {plaintext}"}).status == 403
    assert refusal(port, {}) == (401, "not_authenticated")


def test_a_caller_has_few_streams_and_gets_one_back_as_soon_as_it_hangs_up(listen, as_penora, alice):
    streams = [listen(as_penora) for _ in range(live.STREAMS_EACH)]
    assert {stream.status for stream in streams} == {200}
    refused = listen(as_penora)
    assert refused.status == 503
    assert refused.response.headers["Content-Type"] == "application/problem+json"
    assert int(refused.response.headers["Retry-After"]) > 0
    assert json.loads(refused.response.read())["code"] == "too_many_streams"
    assert listen(session_of(alice)).status == 200
    streams[0].close()
    assert listen(as_penora).status == 200


def test_a_websocket_gets_the_same_feed_and_resumes(port, as_penora, alice, penora):
    credits.wallet_of(user=alice)
    with talking(port, as_penora) as talk:
        time.sleep(0.3)
        first = charge(alice, penora)
        started = time.monotonic()
        event = json.loads(talk.receive(timeout=5))
        assert time.monotonic() - started < 1
        assert event["data"]["transaction_id"] == first.pk
        assert set(event) == {"id", "type", "user_id", "created_at", "data"}
    missed = charge(alice, penora)
    with talking(port, as_penora, f"?after={event['id']}") as talk:
        assert json.loads(talk.receive(timeout=5))["data"]["transaction_id"] == missed.pk


def test_a_session_opens_a_websocket_from_our_own_pages_only(port, alice, penora):
    cookie = session_of(alice)
    assert refusal(port, cookie) == (403, "wrong_origin")
    assert refusal(port, {**cookie, "Origin": "https://evil.example"}) == (403, "wrong_origin")
    with talking(port, {**cookie, "Origin": f"http://127.0.0.1:{port}"}, "?after=0") as talk:
        credits.wallet_of(user=alice)
        assert json.loads(talk.receive(timeout=5))["user_id"] == "alice"


def test_a_plain_request_to_the_websocket_is_told_to_upgrade(port, as_penora):
    assert refusal(port, {**as_penora, "Upgrade": "h2c"}) == (426, "upgrade_required")
    assert refusal(port, {**as_penora, "Sec-WebSocket-Version": "12"})[0] == 400


def test_holds_no_database_connection_between_looks(alice, penora):
    credits.wallet_of(user=alice)
    pushed = live.pushes(live.Listener("test", Event.objects.owned_by(alice), 0, lambda: True), lambda: False)
    assert [event.type for event in next(pushed)] == ["credits.changed"] * 2
    assert connection.connection is None


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_open_streams_do_not_keep_the_server_from_ending(as_penora, sign):
    with gunicorn() as (process, port):
        stream = Stream(port, as_penora)
        with talking(port, as_penora) as talk:
            os.killpg(process.pid, sign)
            started = time.monotonic()
            process.wait(timeout=9)
            assert time.monotonic() - started < 8
            with pytest.raises(simple_websocket.ConnectionClosed):
                talk.receive(timeout=5)
        assert stream.response.read() == b""
        stream.close()


def test_a_pulse_between_look_and_wait_is_not_lost():
    pulse = Pulse()
    heard = pulse.count
    pulse.beat()
    started = time.monotonic()
    pulse.wait(heard, 5)
    assert time.monotonic() - started < 1


def test_a_quiet_stream_shows_that_it_lives_and_ends_in_time(monkeypatch, alice):
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(live, "LONGEST_SECONDS", 1.0)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)
    who = live.Listener("test", Event.objects.owned_by(alice), 0, lambda: True)
    closed = []
    lines = list(live.EventStream(who, lambda: False, lambda: closed.append(True)))
    assert lines[0] == b"retry: 1000\nid: 0\n\n"
    assert set(lines[1:]) == {b": still here\n\n"}
    assert len(lines) > 2
