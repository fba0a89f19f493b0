"""One connection of the server: what its request has brought so far, within bounds of size and time."""

import re
import socket
import struct
import time
from tempfile import TemporaryFile
from typing import IO, Any

from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from unified.outlet import Outlet

LINE_BYTES = 8_190
HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0
# A body must bring this many bytes in this many seconds, or end.
STALLED_SECONDS, STEP_BYTES = 20.0, 262_144
# A body larger than this waits in a file.
SMALL_BYTES = 262_144
SEND_BUFFER_BYTES = 1_048_576
CHUNK_BYTES, READS = 65_536, 16
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(.*?)[ \t]*\r$", re.I | re.M)
_CODING = re.compile(rb"^transfer-encoding[ \t]*:", re.I | re.M)
_EXPECT = re.compile(rb"^expect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.I | re.M)
_OFFERED_ID = re.compile(rb"^x-request-id[ \t]*:[ \t]*([A-Za-z0-9._-]{1,128})[ \t]*\r$", re.I | re.M)


class Refused(Exception):
    """What is arriving will be no request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Gathered(TConn):  # type: ignore[misc]
    """A connection that reads without waiting, and is what gunicorn's parser then reads its request from."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, Outlet(sock, STALLED_SECONDS), client, server)
        sock = self.sock
        # An answer of usual size fits into the buffer; a WebSocket's thread is not kept waiting for ever.
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
        self.sock.request_id = ""

    def name(self) -> None:
        """Note the request's own `X-Request-ID`, for whoever refuses it before it is one."""
        found = _OFFERED_ID.search(self.received)
        self.sock.request_id = found[1].decode() if found else ""

    def gather(self, most: int) -> bool:
        """Whether the request is here whole. Raises Refused, and OSError when the other side has gone.

        `most` is how many bytes its body may have."""
        for _ in range(READS):
            if self._whole(most):
                return True
            try:
                chunk = self.sock.recv(min(CHUNK_BYTES, self.size - self.here) if self.size else CHUNK_BYTES)
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
        self.name()
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
        raise Refused(413, "Content Too Large")
    return int(lengths[0])
