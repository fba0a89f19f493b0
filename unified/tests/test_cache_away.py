"""Without its cache the product goes on, but for what must be counted: signing in waits, and nothing is a bug."""

import socket

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.sign_in_cast import LOGIN, PASSWORD, claimed, signed_in_as
from tests.server import free_port

pytestmark = pytest.mark.django_db
FORMS = {
    LOGIN: {"login": "alice@example.com", "password": PASSWORD},
    "/accounts/login/code/": {"email": "alice@example.com"},
    "/accounts/password/reset/": {"email": "alice@example.com"},
    "/accounts/signup/": {"email": "new@example.com", "password1": "correct horse battery"},
}


@pytest.fixture(params=["closed", "silent"])
def away(request, settings, alice: User):
    """A Redis at whose port nobody listens, or one that takes connections and never answers."""
    claimed(alice)
    with socket.socket() as silent:
        port = free_port()
        if request.param == "silent":
            silent.bind(("127.0.0.1", port))
            silent.listen(50)
        options = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2}
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": f"redis://127.0.0.1:{port}", "OPTIONS": options}}
        yield


@pytest.mark.parametrize("path", FORMS)
def test_nobody_signs_in_uncounted_and_everybody_is_told(away, path: str) -> None:
    client = Client()
    answer = client.post(path, FORMS[path], follow=True)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "Not available at the moment" in answer.content.decode()
    assert signed_in_as(client) is None


@pytest.mark.parametrize("path", FORMS)
def test_the_forms_are_there(away, path: str) -> None:
    assert Client().get(path, follow=True).status_code == 200


def test_apps_and_people_who_are_in_go_on(away, alice: User, penora_api, client: Client) -> None:
    body = {"user_id": "alice", "amount": 1, "app_name": "penora", "description": "work"}
    assert penora_api.post("/api/unified/deduct-credits", body, format="json").status_code == 200
    client.force_login(alice)
    for path in ("/", "/projects/", "/credits/", "/account/", "/api/unified/user-info"):
        assert client.get(path, follow=True).status_code == 200, path


def test_whoever_asks_is_told_what_is_away(away) -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["cache"]) == (503, "down")
