"""One HTTP request to a webhook's address: to the very machine that was checked, once, within ten seconds in all."""

import io
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from socket import SOCK_STREAM, socket
from typing import Any

from django.utils import timezone

from accounts.webhooks import targets

SECONDS = 10.0
CONNECT_SECONDS = 4.0
MAX_ANSWER_BYTES = 65_536
LONGEST_WAIT = 86_400


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the status, if there was one, or what went wrong, and how long it took.

    `retry_after` is how many seconds it asks to be left alone, 0 when it does not."""

    status: int | None
    error: str
    took_ms: int
    retry_after: int = 0

    @property
    def accepted(self) -> bool:
        return not self.error


class _Clock:
    """The time a request has left."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._began = time.monotonic()

    def left(self) -> float:
        left = self._began + SECONDS - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def milliseconds(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


class _Reader(io.RawIOBase):
    """Reads from a socket as long as there is time. A timeout of the socket alone would begin anew with every byte."""

    def __init__(self, sock: socket, clock: _Clock) -> None:
        self._sock, self._clock = sock, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._clock.left())
        return self._sock.recv_into(buffer)


class _Timed:
    """What http.client takes for a socket."""

    def __init__(self, sock: socket, clock: _Clock) -> None:
        self._sock, self._clock = sock, clock

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._clock.left())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._clock))

    def close(self) -> None:
        """Nothing: http.client closes before it has read the body. The line hangs up."""


class Line:
    """A connection to one address, kept from one message to the next. Use it with `closing`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clock = _Clock()
        self._sock: socket | None = None
        self._http = HTTPConnection("")
        # A connection that http.client opened would go wherever the name leads by then.
        self._http.auto_open = 0

    def close(self) -> None:
        self._http.close()
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send `body` and wait for the whole answer. Never raises for what a receiver or the network does."""
        self._clock.restart()
        try:
            response = self._answered(body, headers)
            read = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, HTTPException) as error:
            self.close()
            return Answer(None, _said(error), self._clock.milliseconds())
        if self._http.sock is None or not response.isclosed():
            self.close()
        return Answer(response.status, _fault(response, read), self._clock.milliseconds(), _wait(response))

    def _answered(self, body: bytes, headers: dict[str, str]) -> HTTPResponse:
        target = targets.target_of(self._url)
        if self._sock is not None:
            try:
                return self._exchange(target, body, headers)
            except (RemoteDisconnected, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                # It hung up since the last message, as it may.
                self.close()
        self._open(target)
        return self._exchange(target, body, headers)

    def _exchange(self, target: targets.Target, body: bytes, headers: dict[str, str]) -> HTTPResponse:
        self._http.request("POST", target.path, body, {"Host": target.named, **headers})
        return self._http.getresponse()

    def _open(self, target: targets.Target) -> None:
        addresses = targets.look_up(target.host, target.port, min(self._clock.left(), targets.LOOKUP_SECONDS))
        self._sock = self._connected(addresses)
        if target.secure:
            self._sock.settimeout(self._clock.left())
            self._sock = ssl.create_default_context().wrap_socket(self._sock, server_hostname=target.host)
        self._http.sock = _Timed(self._sock, self._clock)

    def _connected(self, addresses: list[targets.Address]) -> socket:
        """A socket to the first of the addresses that answers."""
        refusal: OSError = TimeoutError()
        for address in addresses:
            sock = socket(address.family, SOCK_STREAM)
            try:
                sock.settimeout(min(self._clock.left(), CONNECT_SECONDS))
                sock.connect(address.sockaddr)
            except OSError as error:
                sock.close()
                refusal = error
            else:
                return sock
        raise refusal


def _fault(response: HTTPResponse, read: bytes) -> str:
    if not 200 <= response.status < 300:
        return "redirects are not followed" if 300 <= response.status < 400 else "the answer was no 2xx"
    return "the answer was too long" if len(read) > MAX_ANSWER_BYTES else ""


def _said(error: Exception) -> str:
    """What went wrong, for staff; never what the receiver said, which may repeat secrets."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, targets.NotReached):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return "the certificate is not valid for this host"
    return "the connection was refused" if isinstance(error, ConnectionRefusedError) else "the connection failed"


def _wait(response: HTTPResponse) -> int:
    """Seconds of Retry-After, which is a number or a date; at most a day."""
    said = response.headers.get("Retry-After", "").strip()
    try:
        seconds = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else _until(said)
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(0, min(seconds, LONGEST_WAIT))


def _until(date: str) -> int:
    return round(parsedate_to_datetime(date).timestamp() - timezone.now().timestamp()) if date else 0
