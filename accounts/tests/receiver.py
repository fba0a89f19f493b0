"""A receiver of webhooks on this machine: it notes what it is sent and answers as it is told."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

import pytest

from accounts import webhooks
from accounts.models import ClientApp, Event, User, WebhookEndpoint


class Sent(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    # Of the connection it came over, and the name asked for in its TLS handshake.
    connection: tuple[str, int]
    server_name: str | None


Answering = Callable[["_Handler"], object]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        name = getattr(self.connection, "asked_for", None)
        receiver.note(Sent(self.path, headers, body, self.client_address, name))(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for header, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Receiver:
    """What was sent to it, and how it answers: `then` in order, `always` when that is used up."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.port = server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/hooks"
        self.sent: list[Sent] = []
        self.then: list[Answering] = []
        self.always: Answering = says(200)
        self._lock = Lock()

    def note(self, sent: Sent) -> Answering:
        with self._lock:
            self.sent.append(sent)
            return self.then.pop(0) if self.then else self.always

    @property
    def ids(self) -> list[str]:
        return [sent.headers["webhook-id"] for sent in self.sent]


def says(status: int, body: bytes = b"", **headers: str) -> Answering:
    return lambda handler: handler.answer(status, body, **headers)


def after(act: Callable[[], object]) -> Answering:
    """Does something first, then says 200."""

    def answer(handler: _Handler) -> None:
        act()
        handler.answer(200)

    return answer


def hangs_up(handler: _Handler) -> None:
    """Says 200 and closes without a word."""
    handler.answer(200)
    handler.close_connection = True


def drips(piece: bytes, every: float, times: int, head: bytes = b"") -> Answering:
    """Writes `head` and then a piece now and then, each sooner than any timeout of a socket."""

    def answer(handler: _Handler) -> None:
        handler.wfile.write(head)
        for _ in range(times):
            handler.wfile.write(piece)
            time.sleep(every)
        handler.close_connection = True

    return answer


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver = server.receiver = Receiver(server, "http" if context is None else "https")
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def happened(user: User, number: int = 0, type: str = "credits.changed") -> Event:
    return Event.objects.create(user=user, type=type, data={"number": number})


def told() -> dict[str, int]:
    """Tell what is due; how many deliveries were delivered, failed or withheld."""
    done = asdict(webhooks.deliver())
    return {what: count for what, count in done.items() if count and what != "queued"}


@pytest.fixture
def own_machine(settings: Any) -> None:
    """DEBUG says that this is somebody's own machine, where loopback may be called."""
    settings.DEBUG = True


@pytest.fixture
def receiver(own_machine: None) -> Iterator[Receiver]:
    with listening() as made:
        yield made


@pytest.fixture
def endpoint(receiver: Receiver, penora: ClientApp) -> WebhookEndpoint:
    return webhooks.add_endpoint(app=penora, url=receiver.url)[0]
