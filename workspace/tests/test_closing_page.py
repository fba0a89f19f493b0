"""Closing one's own account: said first, asked for, done at once, and no second helping of sign-up credits."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import addresses, services
from accounts.models import ClientApp, ClosedAddress, User
from accounts.tests.sign_in_cast import PASSWORD, claimed, confirm, mailed_code, sign_in, signed_in_as
from credits import services as credits
from credits.models import Entry
from workspace import services as workspace
from workspace.models import Project
from workspace.tests.page_cast import write
from workspace.tests.test_closing import books_are_right

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]
CLOSE, GOODBYE = "/account/close", "/account/closed"


@pytest.fixture
def browser(alice: User, client: Client) -> Client:
    """Alice's, after she said once more who she is."""
    write(alice, "Dear diary")
    sign_in(client, claimed(alice))
    confirm(client)
    return client


def test_says_what_goes_and_what_stays(browser: Client, alice: User, penora: ClientApp) -> None:
    credits.charge(user=alice, app=penora, amount=7)
    page = browser.get(CLOSE).content.decode()
    for words in ("1 project", "53 credits are written off", "1 app loses its connection", "alice@example.com"):
        assert words in page
    assert browser.get("/account/").content.decode().count(CLOSE) == 1


def test_asks_who_one_is_first(client: Client, alice: User) -> None:
    assert client.get(CLOSE)["Location"].startswith("/accounts/")
    sign_in(client, claimed(alice))
    assert client.get(CLOSE)["Location"].startswith("/accounts/reauthenticate/")
    assert client.post(CLOSE, {"email": alice.email})["Location"].startswith("/accounts/reauthenticate/")
    alice.refresh_from_db()
    assert alice.is_active


@pytest.mark.parametrize("typed", ["", "yes", "bob@example.com", "alice@example.com.evil"])
def test_closes_nothing_by_a_slip(browser: Client, alice: User, typed: str) -> None:
    answer = browser.post(CLOSE, {"email": typed})
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.content.decode()
    alice.refresh_from_db()
    assert alice.is_active


def test_asks_for_a_csrf_token(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post(CLOSE, {"email": "alice@example.com"}).status_code == 403


def test_everything_ends_at_once_and_the_books_still_add_up(browser: Client, alice: User, penora_api) -> None:
    elsewhere = Client()
    sign_in(elsewhere, alice)
    answer = browser.post(CLOSE, {"email": " Alice@Example.com "})
    assert answer["Location"] == GOODBYE
    assert "Goodbye" in browser.get(GOODBYE).content.decode()
    assert signed_in_as(browser) is None
    assert elsewhere.get("/account/").status_code == 302
    assert penora_api.get("/api/unified/user-info?user_id=alice").json()["code"] == "user_not_found"
    assert not Project.objects.filter(user=alice).exists()
    assert not any("alice" in str(session.get_decoded()) for session in Session.objects.all())
    assert "not correct" in sign_in(Client(), User(email="alice@example.com"), PASSWORD).content.decode()
    assert books_are_right()


def test_staff_do_not_close_their_own(staff: User, client: Client) -> None:
    sign_in(client, staff, "correct horse battery")
    confirm(client, "correct horse battery")
    assert "You are staff" in client.get(CLOSE).content.decode()
    client.post(CLOSE, {"email": staff.email})
    staff.refresh_from_db()
    assert staff.is_active


def test_whoever_came_through_an_app_proves_the_address_first(
    client: Client, alice: User, imagegene: ClientApp
) -> None:
    client.force_login(alice)
    assert client.get(CLOSE)["Location"].startswith("/accounts/reauthenticate/code/")


# No second helping.


def entries_of(user: User) -> list[int]:
    credits.wallet_of(user=user)
    return list(Entry.objects.filter(wallet_id=user.pk).order_by("version").values_list("amount", flat=True))


def test_a_new_account_with_the_address_of_a_closed_one_starts_without_credits(browser: Client, penora_api) -> None:
    browser.post(CLOSE, {"email": "alice@example.com"})
    body = {"user_id": "alice2", "username": "Alice", "email": "ALICE@example.com"}
    answer = penora_api.post("/api/unified/create-user", body, format="json")
    assert (answer.status_code, answer.json()["credits"]) == (201, 0)
    assert entries_of(User.objects.get(user_id="alice2")) == []


def test_nor_does_one_that_is_made_by_signing_up(browser: Client) -> None:
    browser.post(CLOSE, {"email": "alice@example.com"})
    fresh = Client()
    fresh.post("/accounts/signup/", {"email": "alice@example.com", "password1": PASSWORD})
    fresh.post("/accounts/signup/code/", {"code": mailed_code()})
    assert fresh.get("/").status_code == 200
    assert entries_of(User.objects.get(email="alice@example.com")) == []


def test_it_may_be_given_and_spend_credits_like_any_other(browser: Client, penora: ClientApp) -> None:
    browser.post(CLOSE, {"email": "alice@example.com"})
    again, _ = services.register(user_id="alice2", username="A", email="alice@example.com", app=penora)
    credits.grant(user=again, amount=5, reason="Sorry to see you go")
    credits.charge(user=again, app=penora, amount=5)
    assert entries_of(again) == [5, -5]
    assert books_are_right()


def test_an_address_one_had_before_counts_only_while_it_is_ones_own(alice: User, penora: ClientApp) -> None:
    addresses.vouch_for(alice)
    EmailAddress.objects.create(user=alice, email="never-proved@example.com")
    workspace.close_account(user=alice)
    for email, amounts in (("never-proved@example.com", [50, 10]), ("alice@example.com", [])):
        user, _ = services.register(user_id=email, username="A", email=email, app=penora)
        assert entries_of(user) == amounts


def test_the_address_is_kept_as_a_keyed_digest_only(browser: Client, settings) -> None:
    browser.post(CLOSE, {"email": "alice@example.com"})
    (kept,) = ClosedAddress.objects.values_list("digest", flat=True)
    assert kept == ClosedAddress.digest_of("Alice@example.com")
    settings.SECRET_KEY = "another key, with which nobody could find the address by trying"
    assert kept != ClosedAddress.digest_of("alice@example.com")
