"""On what it was measured, in words that name no machine."""

import os
import platform
import sqlite3
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile

from django.db import connection

PACKAGES = ("django", "djangorestframework", "gunicorn", "psycopg", "django-hordak")


def facts() -> dict[str, str]:
    """The day, the machine's size, the versions, and how safely the database writes."""
    return {
        "day": date.today().isoformat(),  # noqa: DTZ011 - the reader's calendar
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "database": _database(),
    }


def _database() -> str:
    fsync = f"fsync takes {1000 * _fsync_seconds():.2f} ms"
    if connection.vendor == "postgresql":
        return f"fsync {_asked('SHOW fsync')}, synchronous_commit {_asked('SHOW synchronous_commit')}; {fsync}"
    level = {"1": "NORMAL", "2": "FULL", "3": "EXTRA"}.get(_asked("PRAGMA synchronous"), "OFF")
    return f"SQLite {sqlite3.sqlite_version}, journal {_asked('PRAGMA journal_mode')}, synchronous {level}; {fsync}"


def _asked(question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return str(cursor.fetchone()[0])


def _fsync_seconds() -> float:
    """What the disk under our files takes to keep 4 kB, the median of many; a database elsewhere has its own."""
    with NamedTemporaryFile(dir=Path(os.environ["DATA_DIR"])) as file:
        return median(_once(file.fileno()) for _ in range(100))


def _once(descriptor: int) -> float:
    os.write(descriptor, b"x" * 4096)
    start = time.perf_counter()
    os.fsync(descriptor)
    return time.perf_counter() - start
