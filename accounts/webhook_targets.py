"""Calling an address that somebody typed in: only where the internet is, and only there.

Whoever can name an address must not reach what only this server can: its own machine, its network, a cloud's metadata.
The name is resolved once, every address it has is looked at, and the connection goes to the very address that was seen,
so that a name that changes its mind in between gains nothing. Redirects are not followed."""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from accounts.errors import InvalidField

CONNECT_SECONDS, WHOLE_SECONDS = 5, 15
MAX_ANSWER_BYTES = 65_536
MAX_URL = 500
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What Python 3.11's is_global lets through, or lets through in part: ways to write an IPv4 address in IPv6, and relays.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "192.88.99.0/24"),
    )
)


class NotReached(Exception):
    """No answer: why, in a few words that hold no secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an address answered: the status, and how many seconds it asks to be left alone."""

    status: int
    retry_after: int | None
    took_ms: int


def check(url: str) -> None:
    """Refuse an address that must not be called, as far as can be seen now. Raises InvalidField for `url`."""
    try:
        parts = _parsed(url)
        _addresses(parts)
    except (NotReached, ValueError) as refusal:
        raise InvalidField("url", str(refusal)) from None


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send `body` to `url` and wait 15 seconds at most. Raises NotReached."""
    started = time.monotonic()
    try:
        parts = _parsed(url)
        connection = _connected(parts, _addresses(parts)[0])
    except (OSError, ValueError) as error:
        raise NotReached(_kind(error)) from None
    # A timeout of the socket is one of each read; a drop every few seconds would hold us for ever.
    cut = threading.Event()
    ending = threading.Timer(WHOLE_SECONDS, _shut, [connection.sock, cut])
    ending.daemon = True
    ending.start()
    try:
        connection.request("POST", _target(parts), body, dict(headers))
        answer = connection.getresponse()
        answer.read(MAX_ANSWER_BYTES)
        if cut.is_set():
            # Half a head reads like a whole one.
            raise TimeoutError
        took = int((time.monotonic() - started) * 1000)
        return Answer(answer.status, _seconds(answer.headers.get("Retry-After", "")), took)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotReached(_kind(TimeoutError() if cut.is_set() else error)) from None
    finally:
        ending.cancel()
        connection.close()


def _parsed(url: str) -> SplitResult:
    if len(url) > MAX_URL or not url.isascii() or any(char <= " " or char in "\\\x7f" for char in url):
        raise NotReached("the address is not a plain URL")
    parts = urlsplit(url)
    allowed = ("https", "http") if settings.DEBUG else ("https",)
    if parts.scheme not in allowed or not parts.hostname:
        raise NotReached(f"the address must start with {' or '.join(f'{name}://' for name in allowed)}")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotReached("the address must hold no user name, password or fragment")
    return parts


def _addresses(parts: SplitResult) -> list[Address]:
    """What the host's name stands for now. All of it must be of the internet; on one's own machine anything may be."""
    assert parts.hostname is not None
    try:
        found = socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotReached("the host's name cannot be resolved") from None
    addresses = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
    if not addresses or not (settings.DEBUG or all(map(is_public, addresses))):
        raise NotReached("the host is not on the internet")
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's own, and no way to write another one."""
    within = any(address.version == network.version and address in network for network in _NEVER)
    return address.is_global and not (address.is_multicast or address.is_reserved or within)


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _connected(parts: SplitResult, address: Address) -> http.client.HTTPConnection:
    """A connection to `address`, whose certificate must be that of the host's name."""
    host, port = parts.hostname or "", _port(parts)
    plain = socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
    try:
        sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if _secure(parts) else plain
    except OSError:
        plain.close()
        raise
    sock.settimeout(WHOLE_SECONDS)
    # It writes the Host header, and leaves out the port that goes without saying.
    kind = http.client.HTTPSConnection if _secure(parts) else http.client.HTTPConnection
    connection = kind(host, port)
    connection.sock = sock
    return connection


def _secure(parts: SplitResult) -> bool:
    return parts.scheme == "https"


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _shut(sock: socket.socket, cut: threading.Event) -> None:
    cut.set()
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _seconds(retry_after: str) -> int | None:
    """Retry-After in seconds; a date is left to our own pauses."""
    return int(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7 else None


def _kind(error: Exception) -> str:
    if isinstance(error, NotReached):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return "the certificate is not valid for this host"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return {"ConnectionRefusedError": "the connection was refused"}.get(type(error).__name__, "the connection failed")
