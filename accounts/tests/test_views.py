"""The account page: the profile and the connected apps."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services
from accounts.models import ClientApp, Connection, User

pytestmark = pytest.mark.django_db

CHANGES = ("cap", "disconnect", "reconnect")


@pytest.fixture
def penora() -> ClientApp:
    return ClientApp.objects.get_or_create(slug="penora", defaults={"name": "Penora", "first_party": True})[0]


@pytest.fixture
def alice(penora: ClientApp) -> User:
    return services.register(user_id="alice", username="Alice", email="alice@example.com", app=penora)[0]


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def connection_of(user: User) -> Connection:
    return Connection.objects.get(user=user)


def test_is_its_owners_and_asks_strangers_to_sign_in(browser: Client) -> None:
    page = browser.get("/account/").content.decode()
    assert "alice@example.com" in page
    assert "Penora" in page
    assert Client().get("/account/").status_code == 302


def test_changes_the_name(alice: User, browser: Client) -> None:
    page = browser.post("/account/", {"username": "عليّة <b>"}, follow=True).content.decode()
    alice.refresh_from_db()
    assert alice.username == "عليّة <b>"
    assert "عليّة &lt;b&gt;" in page


@pytest.mark.parametrize("name", ["", "   ", "x" * 151])
def test_refuses_a_name_that_is_none_or_too_long(alice: User, browser: Client, name: str) -> None:
    answer = browser.post("/account/", {"username": name})
    alice.refresh_from_db()
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.content.decode()
    assert alice.username == "Alice"


@pytest.mark.parametrize(("typed", "kept"), [("25", 25), ("0", 0), ("", None)])
def test_sets_and_lifts_a_daily_cap(
    alice: User, browser: Client, penora: ClientApp, typed: str, kept: int | None
) -> None:
    services.set_daily_cap(user=alice, app=penora, credits=7)
    browser.post("/account/apps/penora/cap", {"daily_cap": typed})
    assert connection_of(alice).daily_cap == kept


@pytest.mark.parametrize("typed", ["-1", "1.5", "lots", "1000001"])
def test_refuses_a_cap_that_is_none(alice: User, browser: Client, typed: str) -> None:
    page = browser.post("/account/apps/penora/cap", {"daily_cap": typed}, follow=True).content.decode()
    assert "The daily cap must be a whole number" in page
    assert connection_of(alice).daily_cap is None


def test_disconnects_and_reconnects_an_app(alice: User, browser: Client) -> None:
    page = browser.post("/account/apps/penora/disconnect", follow=True).content.decode()
    assert connection_of(alice).disconnected_at is not None
    assert "Penora is disconnected." in page
    browser.post("/account/apps/penora/reconnect")
    assert connection_of(alice).disconnected_at is None


@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_anothers_connection(alice: User, change: str) -> None:
    bob = User.objects.create_user("bob@example.com", "Bob")
    client = Client()
    client.force_login(bob)
    assert client.post(f"/account/apps/penora/{change}", {"daily_cap": "1"}).status_code == 404
    assert connection_of(alice).daily_cap is None
    assert connection_of(alice).disconnected_at is None


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_a_post_by_someone_signed_in_with_a_csrf_token(alice: User, browser: Client, change: str) -> None:
    url = f"/account/apps/penora/{change}"
    assert browser.get(url).status_code == 405
    assert Client().post(url)["Location"].startswith("/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(url, {"daily_cap": "1"}).status_code == 403


def test_makes_as_many_queries_for_ten_apps_as_for_one(alice: User, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/account/").status_code == 200
        return len(captured)

    assert browser.get("/account/").status_code == 200  # the first visit opens the wallet
    few = queries()
    for number in range(9):
        services.connect(user=alice, app=ClientApp.objects.create(slug=f"app{number}", name=f"App {number}"))
    assert queries() == few


@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "signup/",
        "logout/",
        "inactive/",
        "confirm-email/",
        "password/reset/",
        "password/reset/confirm/",
        "password/reset/done/",
        "login/code/",
        "login/code/confirm/",
        "signup/code/",
        "2fa/authenticate/",
    ],
)
def test_sign_in_pages_wear_our_look(path: str) -> None:
    page = Client().get(f"/accounts/{path}", follow=True).content.decode()
    assert "css/base" in page
    assert " style=" not in page
    assert "<style" not in page


def test_the_pages_of_protection_belong_to_the_account(client, alice):
    client.force_login(alice)
    assert 'href="/account/" aria-current="page"' in client.get("/account/").content.decode()
    assert 'href="/account/" aria-current="true"' in client.get("/accounts/2fa/").content.decode()
    assert 'href="/account/" aria-current' not in client.get("/").content.decode()
