"""What gunicorn calls: streams end with their server, and what it refuses by itself is a problem body as well."""

import json
import signal
import socket
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]


def post_worker_init(worker: Any) -> None:
    """Lets streams see that the worker was told to leave, and leaves the telling to the master.

    Ctrl-C reaches the worker from the terminal and again from the master; interrupted by the second, the handler of the
    first waits for a lock of its own (gunicorn 27, ThreadWorker.handle_quit) until the worker is killed."""
    from unified import live  # the settings are ready only in the worker

    util.write_error = write_problem
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    live.serving = lambda: bool(worker.alive)


def write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Refuse what never became a request (a line too long, two lengths) as every other refusal is: without HTML.

    Takes the place of gunicorn.util.write_error; `message` may repeat what was sent, so it stays out."""
    body = {"type": "about:blank", "title": reason, "status": status, "detail": reason, "code": "invalid_request"}
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    util.write_nonblock(client, head.encode("latin-1") + b"Content-Length: %d\r\n\r\n" % len(content) + content)
