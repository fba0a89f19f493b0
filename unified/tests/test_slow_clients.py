"""Whoever sends slowly, or only half, or stays when answered, holds no thread: all others are answered meanwhile."""

import json
import socket
import time
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest

from tests.server import gunicorn
from unified import patient_worker

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
        assert time.monotonic() - begun < patient_worker.HEAD_SECONDS - 2


def test_whoever_never_ends_a_head_or_a_body_is_told_so(port):
    with opened(port, HALVES["half a head"]) as head, opened(port, HALVES["half a body"]) as body:
        for sock in (head, body):
            status, _, problem = answered(sock)
            assert (status, json.loads(problem)["status"]) == (408, 408)


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
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
}


@pytest.mark.parametrize(("sent", "status"), LIMITS.values(), ids=LIMITS)
def test_what_is_too_long_or_says_two_things_is_refused_with_a_problem(port, sent, status):
    with opened(port, sent) as sock:
        got, head, body = answered(sock)
    assert got == status
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert len(body) < 1_000
