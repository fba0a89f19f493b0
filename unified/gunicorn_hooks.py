"""What gunicorn calls: chores start and streams end with their server, and what it refuses itself is a problem body."""

import ctypes
import gc
import logging
import os
import shutil
import signal
import socket
import tempfile
import uuid
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]

from accounts.headers import FILE_POLICY, SAFE_HEADERS
from accounts.redaction import redact

LARGE_BYTES = 1_048_576
_M_MMAP_THRESHOLD = -3  # of glibc's mallopt


class Redacted(logging.Formatter):
    """Lines as another formatter makes them, without secrets."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redact(self._inner.format(record))


class RedactedLog(Logger):  # type: ignore[misc]
    """The server's own log, which names the paths of requests where somebody asks for that."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(Redacted(handler.formatter))


# What gunicorn reads from here as its own settings.
worker_class = "unified.patient_worker.PatientWorker"
worker_connections = 500
# One path for every server of a user, and a second way in that nobody here takes.
control_socket_disable = True
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
logger_class = RedactedLog
access_log_format = '%(t)s [%({x-request-id}o)s] %(h)s "%(r)s" %(s)s %(b)s %(L)s'


def on_starting(server: Any) -> None:
    """Makes the folder in which the processes of this server keep what they counted, for each other to add up."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="unified-metrics-")


def on_exit(server: Any) -> None:
    """Takes that folder away again."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """Starts the chores, lets streams see that the worker was told to leave, and leaves the telling to the master.

    Ctrl-C reaches the worker from the terminal and again from the master; interrupted by the second, the handler of the
    first waits for a lock of its own (gunicorn 27, ThreadWorker.handle_quit) until the worker is killed."""
    from unified import chores, live  # the settings are ready only in the worker

    util.write_error = write_problem
    wsgi.SERVER = "unified"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    live.serving = lambda: bool(worker.alive)
    chores.start()
    give_memory_back()
    # What is here now stays for good; looking through it with every collection would be for nothing.
    gc.freeze()


def give_memory_back() -> None:
    """Have large blocks mapped one by one, where the C library can be told: freed, they are the system's again.

    Left alone, glibc raises this threshold with the first large block and keeps every later one."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)


def post_request(worker: Any, request: Any, environ: dict[str, Any], response: Any) -> None:
    """Lets go of a large body at once: DRF's request and view know each other, so only a collection frees it."""
    if int(environ.get("CONTENT_LENGTH") or 0) > LARGE_BYTES:
        gc.collect()


def write_problem(client: socket.socket, status: int, reason: str, message: str = "") -> None:
    """Refuse what never became a request (a line too long, two lengths) as every other refusal is: without HTML.

    Takes the place of gunicorn.util.write_error; `message` may repeat what was sent, so it stays out."""
    from unified import problems  # ready only in the worker

    request_id = getattr(client, "request_id", "") or uuid.uuid4().hex
    problem = problems.at_the_edge(status, request_id)
    headers = {**SAFE_HEADERS, "Content-Security-Policy": FILE_POLICY, "X-Request-ID": request_id, **problem.headers}
    head = f"HTTP/1.1 {problem.status_code} {reason}\r\nConnection: close\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    content = problem.content
    util.write_nonblock(client, head.encode("latin-1") + b"Content-Length: %d\r\n\r\n" % len(content) + content)
