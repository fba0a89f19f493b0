"""Who used how much CPU: a tree of processes, or the database's processes that work for us."""

import sys
import time
from contextlib import suppress

import psutil
from django.db import connection


def of_processes(pid: int) -> float:
    """CPU seconds of a process and everything it started and that still runs."""
    parent = psutil.Process(pid)
    return sum(_seconds(process) for process in [parent, *parent.children(recursive=True)])


class DatabaseCpu:
    """CPU seconds of the PostgreSQL processes that serve this database; None where they cannot be seen."""

    def __init__(self) -> None:
        self._known: dict[int, float] = {}

    def __call__(self) -> float | None:
        if connection.vendor != "postgresql":
            return None
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            pids = [row[0] for row in cursor.fetchall()]
        for pid in pids:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                # On a server elsewhere the numbers would be those of strangers.
                if "postgres" in process.name():
                    self._known[pid] = _seconds(process)
        return sum(self._known.values()) if self._known else None


def _seconds(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # The clock that clock_getcpuclockid(3) names: nanoseconds, where cpu_times() counts hundredths of a second.
        with suppress(OSError):
            return time.clock_gettime(~process.pid << 3 | 2)
    times = process.cpu_times()
    return float(times.user + times.system)
