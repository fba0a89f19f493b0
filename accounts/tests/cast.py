"""The people, apps and tools of every test: Alice acts, Bob must not see, Staff helps, Penora and ImageGene call."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from importlib import import_module
from threading import Barrier
from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import SCOPES, ClientApp, User

TRANSACTIONAL = {"transactional_db", "live_server", "django_db_reset_sequences"}


def is_transactional(request: pytest.FixtureRequest) -> bool:
    """Whether the test commits, so that the database is emptied after it."""
    marker = request.node.get_closest_marker("django_db")
    by_marker = marker is not None and (marker.kwargs.get("transaction") or marker.kwargs.get("reset_sequences"))
    return bool(by_marker) or not TRANSACTIONAL.isdisjoint(request.fixturenames)


def install_client_apps() -> None:
    """Put back what the migration brought and the emptying after a transactional test took away."""
    import_module("accounts.migrations.0002_first_party_apps").install(apps, None)


def client_of(plaintext: str) -> APIClient:
    """An HTTP client that calls with this app key."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


@pytest.fixture(autouse=True)
def client_apps_are_installed(request: pytest.FixtureRequest) -> None:
    if is_transactional(request):
        request.getfixturevalue("transactional_db")
        install_client_apps()


@pytest.fixture
def penora(db: None) -> ClientApp:
    return ClientApp.objects.get(slug="penora")


@pytest.fixture
def imagegene(db: None) -> ClientApp:
    return ClientApp.objects.get(slug="imagegene")


@pytest.fixture
def stranger_app(db: None) -> ClientApp:
    """An app that is not first-party: it reaches only whom it made or who let it in."""
    return ClientApp.objects.create(slug="stranger", name="Stranger")


@pytest.fixture
def penora_key(penora: ClientApp) -> str:
    return services.create_api_key(app=penora, scopes=SCOPES)[1]


@pytest.fixture
def imagegene_key(imagegene: ClientApp) -> str:
    return services.create_api_key(app=imagegene, scopes=SCOPES)[1]


@pytest.fixture
def penora_api(penora_key: str) -> APIClient:
    return client_of(penora_key)


@pytest.fixture
def imagegene_api(imagegene_key: str) -> APIClient:
    return client_of(imagegene_key)


@pytest.fixture
def alice(penora: ClientApp) -> User:
    return services.register(user_id="alice", username="Alice", email="alice@example.com", app=penora)[0]


@pytest.fixture
def bob(penora: ClientApp) -> User:
    return services.register(user_id="bob", username="Bob", email="bob@example.com", app=penora)[0]


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("staff@example.com", "Staff", "correct horse battery", user_id="staff")


class Clock:
    """The product's clock, which a test may move forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def forward(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made, real = Clock(), timezone.now

    def now() -> datetime:
        return real() + made.ahead

    monkeypatch.setattr(timezone, "now", now)
    return made


@pytest.fixture
def stored(db: None) -> Callable[[], dict[str, tuple[int, str]]]:
    """Takes a picture of every row of the product: for each table its count and a hash of its content."""

    def picture() -> dict[str, tuple[int, str]]:
        # A key notes when it was last used, by refused calls too.
        labels = ("accounts", "credits", "workspace")
        models = [model for label in labels for model in apps.get_app_config(label).get_models()]
        found = {}
        for model in models:
            if model.__name__ != "ApiKey":
                rows = [repr(row) for row in model._default_manager.order_by("pk").values_list()]
                found[model.__name__] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
        return found

    return picture


@pytest.fixture
def race(transactional_db: None) -> Callable[..., list[Any]]:
    """Runs `work(number)` `times` times in real threads that start together; returns results and exceptions."""

    def run(work: Callable[[int], Any], *, times: int, threads: int = 12) -> list[Any]:
        workers = min(times, threads)
        start = Barrier(workers)

        def attempt(number: int) -> Any:
            if number < workers:
                start.wait(timeout=30)
            try:
                return work(number)
            except Exception as error:  # noqa: BLE001 - whatever a racer met is what the test looks at
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(attempt, range(times)))

    return run
