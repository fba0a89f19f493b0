"""Whoever sends slowly, or only half, reads slowly or stays when answered, holds no thread: others are answered."""

import hashlib
import json
import os
import re
import socket
import threading
import time
from contextlib import ExitStack, suppress
from http.client import HTTPConnection

import pytest
from django.test import Client

from tests.server import gunicorn
from unified import gathering, patient_worker
from unified.outlet import MOST_OWED_BYTES, Outlet
from unified.problem_codes import PROBLEM_CODES
from unified.problems import EDGE_CODES, at_the_edge
from workspace import services
from workspace.content import prepare_text
from workspace.tests.cast import save

pytestmark = [pytest.mark.serve, pytest.mark.django_db(transaction=True)]
# More than twice the server's threads.
CROWD = 40
HEAD = b"POST /api/unified/deduct-credits HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALVES = {
    "nothing": b"",
    "half a request line": b"GET /heal",
    "half a head": HEAD + b"X-Slow: 1\r\n",
    "half a body": HEAD + b"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{",
    "a chunked body without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a body that is too large": HEAD + b"Content-Length: 999999999\r\n\r\n{",
    "an answer that nobody takes the end of": b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
}


@pytest.fixture(scope="module")
def port(django_db_setup):
    with gunicorn() as (_, port):
        yield port


# Several of these are more than the buffers of both ends hold.
LONG_BYTES, PIPELINED = 500_000, 12


@pytest.fixture
def long_text(alice, penora):
    return os.urandom(LONG_BYTES // 2).hex()


@pytest.fixture
def asked(alice, penora, penora_key, long_text):
    """One long text, asked for again and again in one breath."""
    code = save(alice, penora, prepared=prepare_text(long_text, "none")).project.code
    path = f"/api/unified/project/{code}/content?user_id=alice"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {penora_key}\r\n"
    last = "Connection: close\r\n\r\n"
    return (f"{head}\r\n" * (PIPELINED - 1) + head + last).encode()


def hesitant(port, sent):
    """A connection whose own buffer takes little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    sock.sendall(sent)
    return sock


def opened(port, sent):
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.sendall(sent)
    return sock


def answered(sock):
    """Status, head and body of one answer, to the end of the connection."""
    data = b"".join(iter(lambda: sock.recv(65_536), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def alive(port):
    with opened(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n") as sock:
        return answered(sock)[0] == 200


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_a_crowd_that_sends_half_keeps_nobody_waiting(port, sent):
    with ExitStack() as crowd:
        for _ in range(CROWD):
            crowd.enter_context(opened(port, sent))
        begun = time.monotonic()
        assert all(alive(port) for _ in range(5))
        # Far less than any deadline of theirs, and far more than a busy machine needs for five answers.
        assert time.monotonic() - begun < gathering.HEAD_SECONDS - 2


def test_whoever_never_ends_a_head_or_a_body_is_told_so(port):
    with opened(port, HALVES["half a head"]) as head, opened(port, HALVES["half a body"]) as body:
        for sock in (head, body):
            status, _, problem = answered(sock)
            assert (status, json.loads(problem)["code"]) == (408, "request_timeout")


def test_whoever_sends_byte_by_byte_is_answered(port):
    with opened(port, b"") as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEAD + b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}":
            sock.sendall(bytes([byte]))
        assert answered(sock)[0] == 401


def test_whoever_asks_whether_to_go_on_is_told_so_once(port):
    head = HEAD + b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n"
    with opened(port, head + b"Expect: 100-continue\r\n\r\n") as sock:
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        assert answered(sock)[0] == 401


def test_requests_one_behind_the_other_are_answered_in_order(port):
    one = b"HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    first = b"POST /api/unified/deduct-credits " + one + b"Content-Length: 2\r\nX-Request-ID: first\r\n\r\n{}"
    last = b"GET /healthz " + one + b"Connection: close\r\nX-Request-ID: last\r\n\r\n"
    with opened(port, first + last) as sock:
        data = b"".join(iter(lambda: sock.recv(65_536), b""))
    assert data.count(b"HTTP/1.1 401 ") == data.count(b"HTTP/1.1 200 ") == 1
    assert data.index(b"X-Request-ID: first") < data.index(b"X-Request-ID: last")


@pytest.mark.parametrize("size", [65_536, 262_144, 1_048_576, 1_048_577, 4_194_304])
def test_a_request_of_any_size_is_whole_with_its_last_byte(port, size):
    head = HEAD + b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %010d\r\n\r\n"
    body = b"{" * (size - len(head % 0))
    # Whole in itself, and in as many pieces as the server reads at once.
    with opened(port, head % len(body) + body) as sock:
        assert answered(sock)[0] == 401


def test_a_connection_is_used_again(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/api/unified/estimate", b"x" * 200_000, {"Content-Type": "application/json"})
    connection.getresponse().read()
    kept = connection.sock
    connection.request("GET", "/healthz")
    assert connection.getresponse().read()
    assert connection.sock is kept
    connection.close()


LIMITS = {
    "a request line": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a request line without end": (b"GET /" + b"a" * 9_000, 414),
    "one header": (HEAD + b"X-Long: " + b"a" * 9_000 + b"\r\n\r\n", 431),
    "a head": (HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 8_000) for n in range(9)) + b"\r\n", 431),
    "headers": (HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(101)) + b"\r\n", 431),
    "a body": (HEAD + b"Content-Length: 25165825\r\n\r\n", 413),
    "a length beyond any number": (HEAD + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n", 400),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "a length with a sign": (HEAD + b"Content-Length: +2\r\n\r\n{}", 400),
    "a length that is none": (HEAD + b"Content-Length: ten\r\n\r\n{}", 400),
    "a length behind a blank": (HEAD + b"Content-Length : 2\r\n\r\n{}", 400),
    "a length and chunks": (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 411),
    "an expectation": (HEAD + b"Expect: a miracle\r\nContent-Length: 0\r\n\r\n", 417),
    "a method that is none": (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a version that is none": (b"GET / HTTP/9\r\nHost: x\r\n\r\n", 400),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
}


@pytest.mark.parametrize(("sent", "status"), LIMITS.values(), ids=LIMITS)
def test_what_is_too_long_or_says_two_things_is_refused_with_a_problem(port, sent, status):
    with opened(port, sent) as sock:
        got, head, body = answered(sock)
    problem = json.loads(body)
    assert got == problem["status"] == status
    assert b"application/problem+json" in head
    assert re.search(rb"\r\nX-Request-ID: [0-9a-f]{32}\r\n", head)
    assert {row.code: row.status for row in PROBLEM_CODES}[problem["code"]] == status
    assert problem["type"] == f"http://127.0.0.1:{port}/api/docs#{problem['code']}"
    assert len(body) < 1_000


def test_a_body_that_is_too_large_is_told_how_large_one_may_be(port, settings):
    with opened(port, LIMITS["a body"][0]) as sock:
        problem = json.loads(answered(sock)[2])
    assert (problem["code"], problem["limit_bytes"]) == ("body_too_large", settings.MAX_BODY_BYTES)
    assert f"{settings.MAX_BODY_BYTES:,} bytes" in problem["detail"]


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 25165825\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Expect: a miracle\r\n\r\n",
        b"Wrong\x00: 1\r\n\r\n",
        b"X-Long: " + b"a" * 80_000,
    ],
)
def test_a_refusal_before_the_request_is_one_has_the_id_that_it_came_with(port, rest):
    with opened(port, HEAD + b"X-Request-ID: mine-1\r\n" + rest) as sock:
        status, head, _ = answered(sock)
    assert 400 <= status < 500
    assert b"\r\nX-Request-ID: mine-1\r\n" in head


@pytest.mark.parametrize("status", EDGE_CODES)
def test_every_code_of_the_servers_own_is_in_the_table(status):
    problem = at_the_edge(status, "mine").data
    assert {row.code: row.status for row in PROBLEM_CODES}[problem["code"]] == problem["status"] == status


def test_readers_of_one_byte_a_second_keep_nobody_waiting(port, asked):
    with ExitStack() as crowd:
        slow = [crowd.enter_context(hesitant(port, asked)) for _ in range(CROWD)]
        begun = time.monotonic()
        for _ in range(5):
            assert all(sock.recv(1) for sock in slow)
            assert alive(port)
            time.sleep(0.5)
        assert time.monotonic() - begun < gathering.STALLED_SECONDS / 2


def test_a_reader_who_hesitates_has_the_whole_answer_in_the_end(port, asked, long_text):
    with hesitant(port, asked) as sock:
        time.sleep(2)
        data = b"".join(iter(lambda: sock.recv(65_536), b""))
    bodies = [answer.split(b"\r\n\r\n", 1)[1] for answer in data.split(b"HTTP/1.1 200 OK")[1:]]
    assert {hashlib.sha256(body).digest() for body in bodies} == {hashlib.sha256(long_text.encode()).digest()}
    assert len(bodies) == PIPELINED


def test_whoever_takes_next_to_nothing_is_let_go(port, asked):
    with hesitant(port, asked) as sock:
        begun = time.monotonic()
        time.sleep(gathering.STALLED_SECONDS + 3 * patient_worker.SWEEP_SECONDS + 1)
        taken, whole = 0, PIPELINED * LONG_BYTES
        try:
            while chunk := sock.recv(65_536):
                taken += len(chunk)
        except ConnectionError:
            pass
        assert taken < whole
        assert time.monotonic() - begun < 2 * gathering.STALLED_SECONDS


def test_an_export_nobody_reads_leaves_its_place_to_the_next(port, alice, penora):
    services.set_limit(user=alice, limit_bytes=50_000_000)
    for _ in range(20):
        save(alice, penora, prepared=prepare_text(os.urandom(LONG_BYTES // 2).hex(), "none"))
    browser = Client()
    browser.force_login(alice)
    token = "a" * 32
    cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={token}"
    form = f"csrfmiddlewaretoken={token}".encode()
    head = f"POST /account/export HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nCookie: {cookies}\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
    with hesitant(port, head.encode() + form) as unread:
        assert unread.recv(15) == b"HTTP/1.1 200 OK"
        deadline = time.monotonic() + gathering.STALLED_SECONDS / 2
        status = 503
        # While it is being made there is a page to say so, whose static files are not here.
        while status != 200 and time.monotonic() < deadline:
            time.sleep(0.5)
            with opened(port, head.encode() + form) as sock:
                status, *_ = answered(sock)
        assert status == 200


def test_an_answer_without_end_waits_for_its_reader():
    near, far = socket.socketpair()
    with Outlet(near, patience=10) as outlet, far:
        chunk, times = os.urandom(MOST_OWED_BYTES // 8), 10

        def send():
            for _ in range(times):
                outlet.sendall(chunk)

        sender = threading.Thread(target=send)
        sender.start()
        sender.join(1)
        assert sender.is_alive()
        assert outlet.owed <= MOST_OWED_BYTES + len(chunk)
        got, deadline = bytearray(), time.monotonic() + 20
        while len(got) < times * len(chunk) and time.monotonic() < deadline:
            if not sender.is_alive():
                outlet.pay()
            with suppress(BlockingIOError):
                got += far.recv(65_536, socket.MSG_DONTWAIT)
        sender.join(10)
        assert bytes(got) == chunk * times
        assert outlet.owed == 0


def test_an_answer_without_end_that_nobody_reads_is_given_up():
    near, far = socket.socketpair()
    answer = bytes(MOST_OWED_BYTES + 2 * gathering.SEND_BUFFER_BYTES)
    with Outlet(near, patience=0.2) as outlet, far:
        with pytest.raises(ConnectionResetError):
            outlet.sendall(answer)
        assert outlet.owed == 0
