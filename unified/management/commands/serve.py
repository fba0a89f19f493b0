"""The embedded server: everything `make run` starts, in one process group that Ctrl-C ends."""

import hashlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from logging.handlers import MemoryHandler
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from accounts import consents, factors, services
from accounts.models import ClientApp, User
from accounts.oidc import clients

THREADS = 16
START_SECONDS = 60
LABEL = 16
MOST_HELD = 1_000


class Command(BaseCommand):
    help = "Bring the database up to date and serve web UI, API and admin on PORT. Ctrl-C stops everything."

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        _require_free_port(settings.PORT)
        call_command("migrate", verbosity=0, interactive=False)
        _collect_static()
        first = not User.objects.exists()
        held = HeldLog()
        greeting = self._welcome() if first else []
        server = _start_server()
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        # A shell starts background jobs with Ctrl-C ignored; whoever sends it here means it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            _wait_until_up(server)
            self._say([f"Unified is at {settings.PUBLIC_URL}", *greeting])
            if first and settings.DEMO:
                self._seed()
            held.release()
            server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            held.release()
            _stop(server)
        if server.returncode not in (0, -signal.SIGINT, -signal.SIGTERM):
            raise CommandError(f"The server ended with status {server.returncode}.")

    def _welcome(self) -> list[str]:
        """Make what an empty installation needs, and the lines that show its secrets this once."""
        password = secrets.token_urlsafe(12)
        admin = User.objects.create_superuser("admin@example.com", "Admin", password)
        shown = [
            ("API reference", f"{settings.PUBLIC_URL}/api/docs"),
            ("Admin", f"{settings.PUBLIC_URL}/admin/"),
            ("  sign in", f"admin@example.com / {password}"),
        ]
        if settings.STAFF_NEED_SECOND_FACTOR:
            secret, codes = factors.set_up_app(admin)
            shown += [
                ("  second step", f"{' '.join(codes[:5])}   (each once)"),
                ("  or the key", f"{secret}   (for an authenticator app)"),
            ]
        for slug in ("penora", "imagegene"):
            _, plaintext = services.create_api_key(app=ClientApp.objects.get(slug=slug), label="first start")
            shown.append((f"{slug} key", plaintext))
        if settings.DEMO:
            shown.append(("  sign-in secret", f"{_register_example()}   (examples/README.md)"))
        lines = [f"  {label:<{LABEL}} {value}" for label, value in shown]
        return [*lines, "", "  Logins and keys are shown this once."]

    def _seed(self) -> None:
        """The demo is a courtesy: the server stays up when it fails, and says why."""
        self.stdout.write("The example clients are at work for the demo user ...")
        self.stdout.flush()
        try:
            call_command("seed_demo", stdout=self.stdout)
        except CommandError as error:
            self.stderr.write(f"No demo: {error}")
        self.stdout.flush()

    def _say(self, lines: list[str]) -> None:
        self.stdout.write("\n".join(["", *lines, ""]))
        self.stdout.flush()


class HeldLog:
    """What this process logs, held back until it is released, so that it does not come in between what is shown."""

    def __init__(self) -> None:
        self._loggers = [logging.getLogger(name) for name in (None, "django")]
        self._before = [logger.handlers for logger in self._loggers]
        for logger in self._loggers:
            logger.handlers = [MemoryHandler(MOST_HELD, target=handler) for handler in logger.handlers]

    def release(self) -> None:
        """Log it, and whatever follows at once; a second time does nothing."""
        for logger, handlers in zip(self._loggers, self._before, strict=True):
            for held in set(logger.handlers) - set(handlers):
                held.close()
            logger.handlers = handlers


def _register_example() -> str:
    """Let ImageGene's own page, on this machine, sign people in; returns its secret."""
    app = ClientApp.objects.get(slug="imagegene")
    clients.register(app=app, redirect_uris=["http://127.0.0.1:8100/callback"], scopes=consents.SCOPES)
    return clients.issue_secret(app=app)


def _collect_static() -> None:
    """Hash and compress the static files, unless that was done for these very files, in this very way, before."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=None):
            digest.update(f"{path} {storage.size(path)} {storage.get_modified_time(path)}\n".encode())
    stamp = settings.STATIC_ROOT / ".collected"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    stamp.write_text(digest.hexdigest())


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CommandError(f"Port {port} is taken; choose another with PORT.") from None


def _start_server() -> subprocess.Popen[bytes]:
    """Requests go through WSGI threads of one process: SQLite wants one writer, and a thread waits cheaply."""
    arguments = ["--workers", "1", "--threads", str(THREADS)]
    arguments += ["--bind", f"127.0.0.1:{settings.PORT}", "--graceful-timeout", "10", "--log-level", "warning"]
    arguments += ["--config", "python:unified.gunicorn_hooks"]
    arguments += ["--worker-tmp-dir", "/dev/shm"] if os.path.isdir("/dev/shm") else []
    return subprocess.Popen([sys.executable, "-m", "gunicorn", *arguments, "unified.wsgi:application"])


def _wait_until_up(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CommandError("The server did not start; its reason stands above.")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{settings.PORT}/healthz", timeout=2).close()
            return
        except OSError:  # a URLError, or a timeout while a busy machine answers
            time.sleep(0.1)
    raise CommandError(f"The server did not answer within {START_SECONDS} seconds.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server, by force when it does not leave in time."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
