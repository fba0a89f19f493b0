"""The server's worker: a request is gathered whole before a thread takes it, so that nobody slow holds a thread.

Gunicorn's own thread worker lets a thread wait for the rest of a head or body, for ever, and its only loop for two
seconds with every connection it ends. Here that loop reads what has come from whoever sends, and waits for nobody."""

import re
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Any

from gunicorn import http, util  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from unified.gunicorn_hooks import write_problem

LINE_BYTES = 8_190
HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0
# A body must bring this many bytes in this many seconds, or end.
STALLED_SECONDS, STEP_BYTES = 20.0, 262_144
# A body larger than this waits in a file. Together they may hold so much; past it the one that began first goes.
SMALL_BYTES, HELD_BYTES = 262_144, 536_870_912
LINGER_SECONDS = 2.0
SWEEP_SECONDS = 0.5
SEND_BUFFER_BYTES = 1_048_576
_CHUNK, _READS = 65_536, 16
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(.*?)[ \t]*\r$", re.I | re.M)
_CODING = re.compile(rb"^transfer-encoding[ \t]*:", re.I | re.M)
_EXPECT = re.compile(rb"^expect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.I | re.M)


class Refused(Exception):
    """What is arriving will be no request."""

    def __init__(self, status: int, reason: str, code: str = "invalid_request") -> None:
        super().__init__(reason)
        self.status, self.reason, self.code = status, reason, code


class Gathered(TConn):  # type: ignore[misc]
    """A connection that reads without waiting, and is what gunicorn's parser then reads its request from."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        # An answer of usual size fits into the buffer; a thread that sends a longer one is not kept waiting for ever.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(STALLED_SECONDS), 0))
        self.initialized = True
        self.parser = http.get_parser(cfg, self, client)
        self.received = bytearray()
        self.body: IO[bytes] | None = None
        self.start(HEAD_SECONDS)

    def start(self, patience: float) -> None:
        """Await the next request; what came of it already stays."""
        self.size = self._searched = self._step = 0
        self.here = len(self.received)
        self.due = time.monotonic() + patience

    def gather(self, most: int) -> bool:
        """Whether the request is here whole. Raises Refused, and OSError when the other side has gone.

        `most` is how many bytes its body may have."""
        for _ in range(_READS):
            if self._whole(most):
                return True
            try:
                chunk = self.sock.recv(min(_CHUNK, self.size - self.here) if self.size else _CHUNK)
            except BlockingIOError:
                return False
            if not chunk:
                raise ConnectionAbortedError
            self._add(chunk)
        return self._whole(most)

    def _whole(self, most: int) -> bool:
        if self.size == 0:
            self._look_at_head(most)
        if not 0 < self.size <= self.here:
            return False
        if self.body:
            self.body.seek(0)
        return True

    def recv(self, size: int) -> bytes:
        """The next bytes of this request, none behind its end."""
        size = min(size, self.size)
        if self.body:
            chunk = self.body.read(size)
        else:
            chunk = bytes(self.received[:size])
            del self.received[:size]
        self.size -= len(chunk)
        if self.size == 0:
            self.forget_body()
        return chunk

    def forget_body(self) -> None:
        if self.body:
            self.body.close()
            self.body = None

    def _add(self, chunk: bytes) -> None:
        if self.here == 0:
            self.due = time.monotonic() + HEAD_SECONDS
        self.here += len(chunk)
        if self.body:
            self.body.write(chunk)
        else:
            self.received += chunk
        if self.size and self.here >= self._step:
            self._expect_more()

    def _expect_more(self) -> None:
        self.due = time.monotonic() + STALLED_SECONDS
        self._step = self.here + STEP_BYTES

    def _look_at_head(self, most: int) -> None:
        end = self.received.find(b"\r\n\r\n", max(0, self._searched - 3))
        self._searched = len(self.received)
        if end < 0 and self._searched > LINE_BYTES + 2 and b"\r\n" not in self.received[: LINE_BYTES + 2]:
            raise Refused(414, "URI Too Long")
        if max(end, self._searched if end < 0 else 0) > HEAD_BYTES:
            raise Refused(431, "Request Header Fields Too Large")
        if end < 0:
            return
        head = bytes(self.received[: end + 4])
        self.size = len(head) + _body_size(head, most)
        if self.size > self.here:
            self._expect_more()
            self._say_go_on(head)
        if self.size > SMALL_BYTES:
            self.body = TemporaryFile()  # noqa: SIM115 (closed when it is read, or with its connection)
            self.body.write(self.received)
            self.received.clear()

    def _say_go_on(self, head: bytes) -> None:
        """Ask for the body of whoever waits to be asked (RFC 9110, section 10.1.1), and ask once."""
        shorter = _EXPECT.sub(b"", head)
        if shorter != head and b"HTTP/1.1\r\n" in head:
            self.received[: len(head)] = shorter
            self.size -= len(head) - len(shorter)
            self.here -= len(head) - len(shorter)
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def _body_size(head: bytes, most: int) -> int:
    if _CODING.search(head):
        raise Refused(411, "Length Required")
    lengths = _LENGTH.findall(head)
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise Refused(400, "Bad Request")
    if int(lengths[0]) > most:
        raise Refused(413, "Content Too Large", "body_too_large")
    return int(lengths[0])


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's thread worker, whose threads are for work alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order they began.
        self.gathering: dict[Gathered, None] = {}
        self.leaving: dict[Gathered, None] = {}
        self._swept = 0.0

    def accept(self, listener: socket.socket) -> None:
        """Take in a connection; the one that has said least for longest makes room when there is none."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        for others in (self.leaving, self.gathering):
            if others and self.nr_conns >= self.worker_connections:
                self._drop(next(iter(others)))
        self._gather(Gathered(self.cfg, sock, client, listener.getsockname()))

    def handle_request(self, req: Any, conn: Gathered) -> bool:
        """Answer, in a thread."""
        try:
            return bool(super().handle_request(req, conn))
        except BlockingIOError:
            # The other side reads nothing; gunicorn knows this one and does not call it a bug.
            raise ConnectionResetError from None

    def _keepalive_after(self, conn: Gathered, keepalive: bool) -> bool:
        # What nobody read of a body is all here: passing over it costs nothing.
        return keepalive and bool(conn.parser.finish_body())

    def finish_request(self, conn: Gathered, done: Any) -> None:
        """Await the connection's next request, or end it."""
        read = conn.size == 0 and not conn.parser.unreader.buf.getvalue()
        if not done.cancelled() and done.exception() is None and done.result() and read:
            conn.sock.setblocking(False)
            conn.start(self.cfg.keepalive)
            self._gather(conn)
        else:
            self._leave(conn)

    def murder_pending(self) -> None:
        """Let go of whoever took too long, and of the oldest large bodies when all of them are too much."""
        now = time.monotonic()
        if now < self._swept + SWEEP_SECONDS:
            return
        self._swept = now
        # A worker that is told to leave waits for what has begun, not for what might.
        patience = 0 if self.alive else HEAD_SECONDS - LINGER_SECONDS
        for conn in [conn for conn in self.leaving if conn.due < now]:
            self._drop(conn)
        for conn in [conn for conn in self.gathering if conn.due < now + patience]:
            self._refuse(conn, Refused(408, "Request Timeout")) if conn.here else self._drop(conn)
        large = [conn for conn in self.gathering if conn.body]
        held = sum(conn.here for conn in large)
        while held > HELD_BYTES:
            oldest = large.pop(0)
            held -= oldest.here
            self._refuse(oldest, Refused(503, "Service Unavailable", "server_busy"))

    def _gather(self, conn: Gathered) -> None:
        from django.conf import settings  # ready only in the worker

        try:
            whole = conn.gather(settings.MAX_BODY_BYTES)
        except Refused as refused:
            self._refuse(conn, refused)
        except OSError:
            self._drop(conn)
        else:
            if whole:
                self._forget(conn)
                self.enqueue_req(conn)
            elif conn not in self.gathering:
                self.gathering[conn] = None
                self._watch(conn, self._gather)

    def _refuse(self, conn: Gathered, refused: Refused) -> None:
        with suppress(OSError):
            write_problem(conn.sock, refused.status, refused.reason, code=refused.code)
        self._leave(conn)

    def _leave(self, conn: Gathered) -> None:
        """Say that nothing follows, and read on for a moment: else what was not read would take the answer with it."""
        self._forget(conn)
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.received.clear()
        conn.forget_body()
        conn.due = time.monotonic() + LINGER_SECONDS
        self.leaving[conn] = None
        self._watch(conn, self._drain)

    def _drain(self, conn: Gathered) -> None:
        with suppress(BlockingIOError):
            for _ in range(_READS):
                try:
                    chunk = conn.sock.recv(_CHUNK)
                except ConnectionError:
                    chunk = b""
                if not chunk:
                    self._drop(conn)
                    return

    def _watch(self, conn: Gathered, then: Callable[[Gathered], None]) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: then(conn))

    def _forget(self, conn: Gathered) -> None:
        if conn in self.gathering or conn in self.leaving:
            self.poller.unregister(conn.sock)
        self.gathering.pop(conn, None)
        self.leaving.pop(conn, None)

    def _drop(self, conn: Gathered) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.forget_body()
        # The two know each other: so both are gone now, and not with some later collection.
        conn.parser = None
        util.close(conn.sock)
