"""Which addresses webhooks may be sent to: those of machines on the internet, looked up once and kept to.

A name is checked when it is set up and again with every connection, for it may mean another machine by then."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from accounts.errors import InvalidField

MAX_URL = 500
LOOKUP_SECONDS = 5.0

# Names with a dot whose last part begins with a letter: 2130706433 or 0x7f.1 are addresses to some resolvers.
_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")
# Global by Python's `is_global` (3.11), and yet no machine of the internet's, or one that stands behind the address.
_NOT_MACHINES = tuple(
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocols'
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/3",  # multicast and reserved
        "2001::/23",  # Teredo and other protocols'
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address is inside
        "3fff::/20",
    )
)
# Of IPv6 only what is handed out as global unicast. NAT64 and addresses that hold an IPv4 one are all outside.
_GLOBAL_UNICAST = ip_network("2000::/3")


class NotReached(OSError):
    """Nothing is sent there: why, in a few words that hold no secret."""


class Target(NamedTuple):
    """A URL in the parts a request is made of."""

    secure: bool
    host: str
    port: int
    path: str
    # The Host header: with the port where it is not the scheme's own.
    named: str


class Address(NamedTuple):
    """What a socket connects to."""

    family: int
    sockaddr: tuple[Any, ...]


def target_of(url: str) -> Target:
    """The parts of `url`. Raises NotReached for one that is not plainly an address of another machine's."""
    if len(url) > MAX_URL or not re.fullmatch(r"https?://[!-~]+", url) or set(url) & set('\\#"<>'):
        raise NotReached("the address is not a plain URL")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise NotReached("the address is not a plain URL") from None
    if "@" in parts.netloc or port == 0:
        raise NotReached("the address must hold no user name, password or port 0")
    if not _is_host(host):
        raise NotReached("the host is not on the internet")
    secure = parts.scheme == "https"
    if not secure and not settings.DEBUG:
        raise NotReached("the address must start with https://")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path, parts.netloc.lower())


def look_up(host: str, port: int, seconds: float = LOOKUP_SECONDS) -> list[Address]:
    """The addresses of a host, all of them allowed. Raises NotReached, and TimeoutError after `seconds`."""
    found = [Address(family, sockaddr) for family, _, _, _, sockaddr in _resolved(host, port, seconds)]
    # One that is not allowed among others that are is how a name changes its mind between two looks.
    if not found or not all(may_be_called(address.sockaddr[0]) for address in found):
        raise NotReached("the host is not on the internet")
    return found


def check(url: str) -> None:
    """Raise InvalidField unless webhooks may be sent to `url`. Asks the network: not inside a transaction."""
    try:
        target = target_of(url)
        look_up(target.host, target.port)
    except TimeoutError:
        raise InvalidField("url", "the host's name cannot be resolved") from None
    except NotReached as refusal:
        raise InvalidField("url", str(refusal)) from None


def may_be_called(address: str) -> bool:
    """Whether webhooks may be sent to an IP address: to public ones, and to our own machine where settings say so."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if ip.is_loopback:
        return bool(settings.DEBUG)
    return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip not in _GLOBAL_UNICAST):
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in block for block in _NOT_MACHINES)


def _is_host(host: str) -> bool:
    if host == "localhost":
        return bool(settings.DEBUG)
    try:
        return may_be_called(str(ip_address(host)))
    except ValueError:
        return _NAME.match(host) is not None


def _resolved(host: str, port: int, seconds: float) -> list[Any]:
    """What the resolver says, which has no deadline of its own."""
    found: list[Any] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    asking = Thread(target=ask, name="webhook lookup", daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise TimeoutError
    if failed:
        raise NotReached("the host's name cannot be resolved")
    return found
