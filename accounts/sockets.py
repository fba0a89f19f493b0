"""The connection under a request, from a server that shows it: for answers that last as long as their reader."""

import socket
from contextlib import suppress

from django.http import HttpRequest
from rest_framework.request import Request

STALLED_MS = 30_000


def socket_of(request: HttpRequest | Request) -> socket.socket | None:
    """The connection itself, set to fail when the other side stops reading, so that nobody keeps a thread for ever."""
    sock: socket.socket | None = request.META.get("gunicorn.socket")
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    return sock
