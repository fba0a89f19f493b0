"""The running product for tests: gunicorn as `serve` starts it, on the database of the tests."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """The test database, for another process."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return re.sub(r"/[^/?]*(\?|$)", rf"/{name}\1", os.environ["DATABASE_URL"])


@contextmanager
def gunicorn(*more: str, output: "IO[bytes] | None" = None) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The server's process, in a group of its own, and its port. Only committed rows are seen by it.

    `more` are arguments of gunicorn; what it prints goes to `output`."""
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "unified.settings",
        "DATABASE_URL": database_url(),
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    arguments = ["--threads", "16", "--bind", f"127.0.0.1:{port}"]
    arguments += ["--graceful-timeout", "10", "--config", "python:unified.gunicorn_hooks", "unified.wsgi:application"]
    command = [sys.executable, "-m", "gunicorn", *more, *arguments]
    streams = {"stdout": output, "stderr": output}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **streams)  # type: ignore[call-overload]
    try:
        _wait_until_up(process, port)
        yield process, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        assert process.poll() is None, "the server ended while it started"
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer within {START_SECONDS} seconds")
