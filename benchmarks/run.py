"""`make bench`: measures everything side by side, prints it, checks the targets, and writes docs/benchmarks.md."""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks import report
from tests.run import free_port, postgres

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
DATABASE = f"unified_bench_{os.getpid()}"
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "SECRET_KEY": "for-benchmarks-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "DEBUG": "0",
    "DEMO": "0",
    "EMAIL_URL": "dummymail://",
    "REDIS_URL": "",
    "ALLOWED_HOSTS": "",
    "PYTHONWARNINGS": "ignore",
}


def main() -> int:
    asked = arguments()
    if asked.redraw:
        report.write(kept(), ROOT / "docs")
        return 0
    parts = asked.only or list(report.PARTS)
    found: report.Found = {part: {} for part in parts}
    with postgres() as server:
        if server.missing:
            print(f"PostgreSQL is left out: {server.missing}")
        for part in parts:
            for database, url in databases_for(part, server.name, server.url):
                print(f"Measuring {part} {database} ...", flush=True)
                found[part][database] = measured(part, url, "quick" if asked.quick else "full")
    print(report.terminal(found))
    if not asked.quick:
        keep(found)
    return 0 if all(target.reached for target in report.targets(found)) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; prints and checks, and writes nothing")
    parser.add_argument(
        "--redraw", action="store_true", help="write the page anew from the last results; measure nothing"
    )
    parser.add_argument("--only", action="append", choices=list(report.PARTS), help="one part; may be given again")
    return parser.parse_args()


def databases_for(part: str, name: str, url: str) -> Iterator[tuple[str, str]]:
    """The databases a part is measured on: their names, and what makes a URL of each; none for what needs none."""
    if not report.PARTS[part].on_databases:
        yield "", ""
        return
    yield f"SQLite {sqlite3.sqlite_version}", ""
    if url:
        yield name, url


def measured(part: str, server: str, pace: str) -> dict[str, Any]:
    """What one part measured on a database of its own: SQLite in a fresh directory, or made on `server`."""
    (ROOT / "var").mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
    try:
        with own_database(server) as url:
            port = free_port()
            environment = {**os.environ, **SETTINGS, "DATA_DIR": str(home), "PORT": str(port)}
            environment["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
            environment["DATABASE_URL"] = url or f"sqlite:///{home / 'bench.sqlite3'}"
            command = [sys.executable, "-m", "benchmarks.part", part, pace, str(home / "found.json")]
            if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
                sys.exit(f"{part} could not be measured; the reason stands above.")
            return dict(json.loads((home / "found.json").read_text()))
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """The URL of a new database on the PostgreSQL server, gone afterwards; nothing for SQLite, a file makes itself."""
    if not server:
        yield ""
        return
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield urlsplit(server)._replace(path=DATABASE).geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def keep(found: report.Found) -> None:
    """Put what was measured in the place of what was measured before, and draw the document anew."""
    every = kept() | found
    RESULTS.write_text(report.as_json(every))
    report.write(every, ROOT / "docs")


def kept() -> report.Found:
    """What was measured last, part by part."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
