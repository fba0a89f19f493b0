"""Runs every test on each database that can be had here, and says at the end what ran, what did not, and why.

SQLite always; a second time on PostgreSQL, Redis or both, found or started for the occasion; browser tests once.
"""

import getpass
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "test-results"
DATABASE = f"unified_{os.getpid()}"  # so that two runs on one server do not drop each other's databases
NOTHING_SELECTED = 5  # pytest's exit code for it
WORKERS = os.environ.get("TEST_WORKERS", "2")
SECOND_LOOKS = 3  # so many failed browser tests are run again; more are no accident
OLDEST_POSTGRES = 14  # the oldest that this Django supports
TRIED = "none answered on 127.0.0.1:{port}, and {program} is not installed"


@dataclass(frozen=True)
class Server:
    """A server the tests may use, or the reason there is none."""

    name: str
    url: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one run of pytest came to."""

    passed: int = 0
    failed: int = 0
    skips: tuple[str, ...] = ()
    exit_code: int = 0

    def __str__(self) -> str:
        parts = [f"{self.passed} passed"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{len(self.skips)} skipped ({'; '.join(sorted(set(self.skips)))})"] if self.skips else []
        parts += [f"pytest ended with {self.exit_code}"] if self.exit_code and not self.failed else []
        return ", ".join(parts)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def program(name: str) -> str | None:
    """The path of a server program; Debian keeps PostgreSQL's off the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(debian[0]) if debian else shutil.which(name)


# PostgreSQL


def postgres_at(url: str) -> Server | None:
    """The server behind `url` when it lets us make databases, else None."""
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            version = connection.info.server_version // 10_000
            row = connection.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return None
    if version < OLDEST_POSTGRES or not row or not row[0]:
        return None
    return Server(f"PostgreSQL {version}", url)


def running_postgres() -> Server | None:
    me = getpass.getuser()
    places = [f"{user}@127.0.0.1:5432" for user in dict.fromkeys(("postgres", me))]
    places += [f"{me}@%2Fvar%2Frun%2Fpostgresql"]
    return next(filter(None, (postgres_at(f"postgres://{place}/postgres") for place in places)), None)


@contextmanager
def own_postgres() -> Iterator[Server]:
    """A cluster in a temporary directory, gone afterwards."""
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if not initdb or not pg_ctl:
        yield Server("PostgreSQL", missing=TRIED.format(port=5432, program="initdb"))
        return
    # PostgreSQL refuses to run as root.
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    port, home = free_port(), Path(tempfile.mkdtemp(prefix="unified-postgres-"))
    data, options = home / "data", f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c max_connections=200"
    try:
        if as_owner:
            shutil.chown(home, "postgres")
        started = quiet([*as_owner, initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"])
        started = started or quiet(
            [*as_owner, pg_ctl, "-D", str(data), "-o", options, "-l", str(home / "log"), "-w", "start"]
        )
        server = None if started else postgres_at(f"postgres://postgres@127.0.0.1:{port}/postgres")
        yield server or Server("PostgreSQL", missing=f"starting our own failed: {started or 'it is too old'}")
    finally:
        quiet([*as_owner, pg_ctl, "-D", str(data), "-m", "immediate", "stop"])
        shutil.rmtree(home, ignore_errors=True)


def quiet(command: list[str]) -> str:
    """Run a command; the last line of what it says when it fails, else nothing."""
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = (done.stderr + done.stdout).strip().splitlines() or [f"{command[0]} ended with {done.returncode}"]
    return said[-1] if done.returncode else ""


@contextmanager
def postgres() -> Iterator[Server]:
    named = os.environ.get("TEST_POSTGRES_URL")
    if named:
        yield postgres_at(named) or Server("PostgreSQL", missing="TEST_POSTGRES_URL does not answer as it must")
    elif found := running_postgres():
        yield found
    else:
        with own_postgres() as own:
            yield own


# Redis


def redis_at(url: str, *, must_be_empty: bool = False) -> Server | None:
    """The server behind `url`, else None. Tests empty databases 8 to 15, so somebody's data there counts as no."""
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
        version = client.info("server")["redis_version"]
        used = set(client.info("keyspace")) & {f"db{number}" for number in range(8, 16)}
    except redis.RedisError:
        return None
    return None if must_be_empty and used else Server(f"Redis {version}", url)


def redis_once_up(url: str, process: "subprocess.Popen[bytes]") -> Server:
    for _ in range(50):
        if found := redis_at(url):
            return found
        if process.poll() is not None:
            break
        time.sleep(0.1)
    return Server("Redis", missing="starting our own failed")


@contextmanager
def own_redis() -> Iterator[Server]:
    """Preferred to one that runs already: nobody else's keys can be lost in it."""
    server = program("redis-server")
    if not server:
        found = redis_at("redis://127.0.0.1:6379", must_be_empty=True)
        yield found or Server("Redis", missing=TRIED.format(port=6379, program="redis-server"))
        return
    port = free_port()
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryDirectory(prefix="unified-redis-") as home:
        process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield redis_once_up(f"redis://127.0.0.1:{port}", process)
        finally:
            process.terminate()
            process.wait(timeout=10)


@contextmanager
def redis_server() -> Iterator[Server]:
    named = os.environ.get("TEST_REDIS_URL")
    if named:
        yield redis_at(named) or Server("Redis", missing="TEST_REDIS_URL does not answer")
    else:
        with own_redis() as own:
            yield own


# Running


def read_results(path: Path, exit_code: int) -> Outcome:
    if not path.exists():
        return Outcome(exit_code=exit_code)
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))  # noqa: S314 - pytest wrote it a moment ago
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skips = tuple(skip.get("message", "") for case in cases if (skip := case.find("skipped")) is not None)
    return Outcome(len(cases) - failed - len(skips), failed, skips, exit_code)


def run_pytest(title: str, marker: str, workers: str, environment: dict[str, str], *options: str) -> Outcome:
    print(f"\n=== {title} ===", flush=True)
    report = RESULTS / f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}.xml"
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        workers,
        "-m",
        marker,
        f"--junitxml={report}",
        *options,
        *sys.argv[1:],
    ]
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(command, cwd=ROOT, env=kept | environment, check=False)
    return read_results(report, done.returncode)


@contextmanager
def plain_role(server: Server) -> Iterator[Server]:
    """The same server through a role that row-level security holds; it does not hold a superuser."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if not row or not row[0]:
            yield server
            return
        role, password = sql.Identifier(DATABASE), secrets.token_urlsafe(16)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password))
        parts = urlsplit(server.url)
        place = f"{DATABASE}:{password}@{parts.netloc.rpartition('@')[2]}"
        try:
            yield Server(server.name, parts._replace(netloc=place).geturl())
        finally:
            drop_leftovers(server)
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def drop_leftovers(server: Server) -> None:
    """Drop what a broken run leaves behind."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        found = connection.execute("SELECT datname FROM pg_database")
        for (name,) in found.fetchall():
            if name.startswith(f"test_{DATABASE}"):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def second_round(database: Server, cache: Server) -> tuple[str, dict[str, str]]:
    """The installation that is spread over servers, with whichever of them there are."""
    there = [server.name for server in (database, cache) if server.url]
    environment = {"DATABASE_URL": urlsplit(database.url)._replace(path=DATABASE).geturl()} if database.url else {}
    environment |= {"REDIS_URL": cache.url} if cache.url else {}
    return " and ".join(["SQLite"] * (not database.url) + there), environment


class Summary:
    """The lines printed last, and whether any of them is a reason to fail."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False

    def ran(self, name: str, outcome: Outcome) -> None:
        self.lines.append(f"{name}: ran, {outcome}")
        self.failed |= bool(outcome.exit_code)

    def skipped(self, name: str, reason: str) -> None:
        self.lines.append(f"{name}: skipped: {reason}")
        self.failed |= os.environ.get("TEST_REQUIRE_ALL") == "1"


def browser_tests(summary: Summary) -> None:
    outcome = run_pytest("Browser", "browser", "0", {})
    if 0 < outcome.failed <= SECOND_LOOKS:
        # A loaded machine can outrun a browser's patience once; a fault in the product fails again.
        summary.lines.append(f"Chromium: {outcome}; what failed was run once more")
        outcome = run_pytest("Browser, what failed", "browser", "0", {}, "--last-failed")
    if outcome.exit_code == NOTHING_SELECTED:
        summary.lines.append("Chromium: no browser tests selected")
    elif outcome.passed or outcome.exit_code:
        summary.ran("Chromium", outcome)
    else:
        summary.skipped("Chromium", "; ".join(sorted(set(outcome.skips))))


def main() -> int:
    RESULTS.mkdir(exist_ok=True)
    summary = Summary()
    browser_tests(summary)
    summary.ran(f"SQLite {sqlite3.sqlite_version}", run_pytest("SQLite", "not browser", WORKERS, {}))
    with postgres() as database, redis_server() as cache:
        if database.url or cache.url:
            with plain_role(database) if database.url else nullcontext(database) as allowed:
                title, environment = second_round(allowed, cache)
                summary.ran(title, run_pytest(title, "not browser", WORKERS, environment))
                if allowed.url:
                    drop_leftovers(allowed)
        for server in (database, cache):
            if server.missing:
                summary.skipped(server.name, server.missing)
    print("\n=== What ran ===", *summary.lines, sep="\n")
    return int(summary.failed)


if __name__ == "__main__":
    sys.exit(main())
