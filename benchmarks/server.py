"""The product's own server in a process of its own, as `make run` starts it, on the database being measured."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import cpu

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90


class Server:
    """Where it listens, and what it costs."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        return cpu.of_processes(self.pid)


@contextmanager
def serving() -> Iterator[Server]:
    """A running server; the port, the settings and the database come from the environment."""
    port = int(os.environ["PORT"])
    command = [sys.executable, "manage.py", "serve"]
    log = Path(os.environ["DATA_DIR"]) / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        _wait(process, f"http://127.0.0.1:{port}/healthz", log)
        yield Server(port, process.pid)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(START_SECONDS * 10):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-2000:]}")
