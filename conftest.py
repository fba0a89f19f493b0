"""The environment every test runs in: settings pinned here, whatever `.env` says, and a database file per worker.

`DATABASE_URL` and `REDIS_URL` of the environment are kept, so that `tests/run.py` can name another server.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import django
import pytest

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
# Workers inherit the directory that the main process made; what one collects there, another must not be reading.
TEST_DIR = Path(os.environ["DATA_DIR"]) / WORKER if WORKER else Path(tempfile.mkdtemp(prefix="unified-tests-"))
pytest_plugins = [
    "accounts.tests.cast",
    "accounts.tests.sign_in_cast",
    "accounts.tests.receiver",
    "credits.tests.cast",
    "credits.tests.shop",
    "workspace.tests.bucket",
    "unified.tests.sweep",
    "tests.browser",
]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PINNED = {
    "DJANGO_SETTINGS_MODULE": "unified.settings",
    "SECRET_KEY": "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "DEBUG": "0",
    "DEMO": "1",
    "PORT": "8000",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "EMAIL_URL": "memorymail://",
    "DATA_DIR": str(TEST_DIR),
    "STORAGE_URL": "",
    "STRIPE_SECRET_KEY": "",
    "STRIPE_WEBHOOK_SECRET": "",
    "STRIPE_API_BASE": "",
}


def _redis_database_of(worker: str) -> str:
    """A numbered Redis database per worker, 8 to 15, since clearing a cache empties the whole of it."""
    return f"/{15 - int(worker.removeprefix('gw') or 0) % 8}"


def _pin_environment() -> None:
    os.environ.update(PINNED)
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{TEST_DIR / 'unified.sqlite3'}")
    os.environ.setdefault("REDIS_URL", "")
    if os.environ["REDIS_URL"]:
        server = urlsplit(os.environ["REDIS_URL"])
        os.environ["REDIS_URL"] = server._replace(path=_redis_database_of(WORKER)).geturl()
    browser = next(filter(None, map(shutil.which, CHROMIUMS)), "")
    os.environ.setdefault("TEST_CHROMIUM", browser)
    (TEST_DIR / "static").mkdir(parents=True, exist_ok=True)


def _use_test_settings() -> None:
    """What the environment cannot say: a test database that is a file, static files without a manifest.

    Staff are let in without a second factor, as DEBUG would; accounts/tests/test_staff_door.py asks for it."""
    from django.conf import settings

    settings.STAFF_NEED_SECOND_FACTOR = False
    # Else every new test client would look at every static file there is.
    settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        # Django would use shared memory, which proves nothing about locking.
        database.setdefault("TEST", {})["NAME"] = str(TEST_DIR / "test.sqlite3")


if not WORKER:
    atexit.register(shutil.rmtree, TEST_DIR, ignore_errors=True)
# Here and not in the pytest settings: pytest-django would read the settings before this file could pin anything.
_pin_environment()
_use_test_settings()
django.setup()
# A worker that inherited it would read the settings before its own copy of this file, too.
del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ["TEST_CHROMIUM"]:
        missing = pytest.mark.skip(reason="no Chromium or Chrome found (TEST_CHROMIUM names one)")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(missing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many calls were generated from the OpenAPI document, whichever workers made them."""
    ended = (report for reports in terminalreporter.stats.values() for report in reports if hasattr(report, "when"))
    properties = [pair for report in ended if report.when == "teardown" for pair in report.user_properties]
    cases = sum(count for name, count in properties if name == "generated_cases")
    if cases:
        terminalreporter.write_line(f"{cases} calls were generated from the OpenAPI document.")
