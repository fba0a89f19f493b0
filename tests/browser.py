"""A real Chromium before the running product, for tests marked `browser`: `visit = visitor(alice)`, then `visit.page`.

What a page must never do is written down while it is open; `visit.troubles` is empty when it did none of it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

from accounts.models import User
from credits.tests.shop import FakeStripe, known_to
from tests.server import ROOT, gunicorn

PATIENCE_MS = 15_000
OF_THE_PAGE_ITSELF = ("data:", "blob:", "about:")


@dataclass
class Visit:
    """One person's browser window (or a stranger's), with all that went wrong in it."""

    page: Page
    base: str
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def troubles(self) -> list[str]:
        """Dialogs opened, errors and violations in the console, requests to other hosts."""
        return [*self.dialogs, *self.errors, *self.foreign]

    def watch(self) -> None:
        self.page.on("dialog", self._on_dialog)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)
        self.page.context.on("request", self._on_request)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_error(self, error: Exception) -> None:
        # A slow machine shows the next page before the browser's own transition to it began.
        if "Transition was" not in str(error):
            self.errors.append(f"uncaught: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.base + "/", *OF_THE_PAGE_ITSELF)):
            self.foreign.append(f"request: {request.url}")


@pytest.fixture(scope="session")
def collected_static(django_db_setup: None) -> None:
    """The hashed static files that the running product serves."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "unified.settings"}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


@pytest.fixture(scope="module")
def site(collected_static: None, provider: FakeStripe) -> Iterator[str]:
    """The address of the running product, where credits are on sale."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in known_to(provider).items():
            environment.setenv(name, value)
        with gunicorn() as (_, port):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A Chromium of its own. Playwright runs an event loop in this thread; the ORM would refuse to work beside it."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=os.environ["TEST_CHROMIUM"], args=arguments)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def visitor(chromium: Browser, site: str, transactional_db: None) -> Iterator[Callable[..., Visit]]:
    """Opens a window: `visitor(alice)` signed in, `visitor()` a stranger's; options are those of a browser context."""
    opened = []

    def open_window(user: User | None = None, **options: Any) -> Visit:
        context = chromium.new_context(base_url=site, **options)
        opened.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if user is not None:
            context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": site}])
        visit = Visit(context.new_page(), site)
        visit.watch()
        return visit

    yield open_window
    for context in opened:
        context.close()


def session_of(user: User) -> str:
    """The key of a new session of this person's; staff have shown their second factor in it."""
    client = Client()
    client.force_login(user)
    if user.is_staff:
        session = client.session
        session["account_authentication_methods"] = [{"method": "mfa", "at": time.time()}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client.cookies["sessionid"].value
