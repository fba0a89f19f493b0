"""Signing up: nothing is stored before the address is proved, and nobody learns whether it was taken."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from accounts import addresses, services
from accounts.models import ClientApp, User
from accounts.tests.sign_in_cast import (
    PASSWORD,
    claimed,
    mailed_code,
    sign_in,
    signed_in_as,
    without_tokens,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]
SIGN_UP = "/accounts/signup/"
CODE = "/accounts/signup/code/"


def ask(client: Client, email: str = "new@example.com", password: str = PASSWORD, path: str = SIGN_UP):
    return client.post(path, {"email": email, "password1": password})


def test_makes_an_account_with_a_proved_address_and_signs_in(client: Client) -> None:
    assert ask(client, "New@Example.com")["Location"] == CODE
    assert not User.objects.exists()
    assert client.post(CODE, {"code": mailed_code()})["Location"] == "/"
    user = User.objects.get(email="new@example.com")
    assert user.username == "new"
    assert EmailAddress.objects.filter(user=user, email=user.email, verified=True, primary=True).exists()
    assert signed_in_as(client) == str(user.pk)
    other = Client()
    assert sign_in(other, user)["Location"] == "/"


def test_leads_on_to_where_one_was_going_if_that_is_here(client: Client) -> None:
    ask(client, path=f"{SIGN_UP}?next=/storage/")
    assert client.post(CODE, {"code": mailed_code()})["Location"] == "/storage/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
def test_leads_nowhere_else(client: Client, elsewhere: str) -> None:
    ask(client, path=f"{SIGN_UP}?next={elsewhere}")
    assert client.post(CODE, {"code": mailed_code()})["Location"] == "/"


def test_the_password_is_never_stored_in_clear(client: Client) -> None:
    ask(client)
    kept = Session.objects.get().get_decoded()
    assert PASSWORD not in str(kept)
    assert "argon2id" in str(kept)


@pytest.mark.parametrize("password", ["short", "password123", "new@example.com"])
def test_refuses_a_weak_password(client: Client, password: str) -> None:
    answer = ask(client, password=password)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert mail.outbox == []


def test_a_code_is_good_for_three_attempts(client: Client) -> None:
    ask(client)
    code = mailed_code()
    assert [client.post(CODE, {"code": "BBBB-BBBB"}).status_code for _ in range(3)] == [200, 200, 302]
    assert client.post(CODE, {"code": code})["Location"] == SIGN_UP
    assert not User.objects.exists()


def test_a_code_is_good_in_the_browser_that_asked_only(client: Client) -> None:
    ask(client)
    assert Client().post(CODE, {"code": mailed_code()})["Location"] == SIGN_UP
    assert not User.objects.exists()


def test_a_code_is_good_for_a_quarter_of_an_hour(client: Client) -> None:
    ask(client)
    session = client.session
    session["mailed_code:sign-up"] = {**session["mailed_code:sign-up"], "at": 1.0}
    session.save()
    assert client.post(CODE, {"code": mailed_code()})["Location"] == SIGN_UP
    assert not User.objects.exists()


def test_a_code_is_good_once(client: Client) -> None:
    ask(client)
    code = mailed_code()
    client.post(CODE, {"code": code})
    client.post("/accounts/logout/")
    assert client.post(CODE, {"code": code})["Location"] == SIGN_UP


def test_gives_a_new_session_key_at_sign_in(client: Client) -> None:
    ask(client)
    before = client.session.session_key
    client.post(CODE, {"code": mailed_code()})
    assert client.session.session_key != before


def test_asks_for_a_csrf_token() -> None:
    assert ask(Client(enforce_csrf_checks=True)).status_code == 403


# Whether an address is taken.


def story(email: str, counted: list[str]) -> list[object]:
    """What a stranger sees who signs up with an address and guesses at the code, and how much was hashed."""
    client = Client()
    counted.clear()
    asked = ask(client, email)
    page = client.get(CODE)
    guesses = [client.post(CODE, {"code": "BBBB-BBBB"}) for _ in range(3)]
    seen = [asked, page, *guesses]
    pages = [without_tokens(answer.content.decode()).replace(email.lower(), "E") for answer in seen]
    return [[answer.status_code for answer in seen], pages, len(counted), len(mail.outbox)]


@pytest.mark.parametrize("taken", ["by a person", "by an app's word", "by nobody but in another case"])
def test_nobody_learns_whether_an_address_is_taken(alice: User, hashed, taken: str) -> None:
    if taken == "by a person":
        claimed(alice)
    email = "ALICE@example.com" if "case" in taken else "alice@example.com"
    known = story(email, hashed)
    mail.outbox.clear()
    assert known == story("a-new@example.com" if email.islower() else "A-NEW@example.com", hashed)
    assert known[2] == 1


def test_the_person_of_a_taken_address_is_told_and_nobody_else_gets_in(client: Client, alice: User) -> None:
    claimed(alice)
    ask(client, alice.email, "another good password")
    assert mail.outbox[-1].to == [alice.email]
    assert "already" in str(mail.outbox[-1].body)
    code = client.session["mailed_code:sign-up"]["code"]
    assert code not in str(mail.outbox[-1].body)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_mail_names_this_place_whatever_the_request_says(alice: User, settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    claimed(alice)
    client = Client(headers={"Host": "evil.example"})
    ask(client, alice.email)
    said = str(mail.outbox[-1].body)
    assert "evil.example" not in said
    assert f"{settings.PUBLIC_URL}/accounts/password/reset/" in said


# Pre-claiming.


def test_a_sign_up_that_was_never_proved_keeps_nobody_out(client: Client, penora: ClientApp) -> None:
    ask(client, "victim@example.com")
    user, created = services.register(user_id="victim", username="V", email="victim@example.com", app=penora)
    assert created
    own = Client()
    ask(own, "other@example.com")
    ask(client, "other@example.com", "the stranger's password")
    own.post(CODE, {"code": str(next(m for m in mail.outbox if "other@example.com" in m.to).body).split("\n\n")[2]})
    assert User.objects.get(email="other@example.com").check_password(PASSWORD)
    assert not user.has_usable_password()


def test_an_address_taken_between_code_and_account_is_not_taken_over(client: Client, penora: ClientApp) -> None:
    ask(client, "victim@example.com")
    code = mailed_code()
    services.register(user_id="victim", username="V", email="victim@example.com", app=penora)
    assert client.post(CODE, {"code": code})["Location"] == "/accounts/login/code/"
    assert signed_in_as(client) is None
    victim = User.objects.get(email="victim@example.com")
    assert not victim.has_usable_password()
    assert not addresses.is_claimed(victim)


def test_is_limited_by_account_and_by_address(client: Client) -> None:
    answers = [ask(Client(REMOTE_ADDR=f"192.0.2.{number}")).status_code for number in range(1, 7)]
    assert answers == [302] * 5 + [429]
    answers = [ask(Client(REMOTE_ADDR="192.0.2.99"), f"n{number}@example.com").status_code for number in range(21)]
    assert answers == [302] * 20 + [429]
    assert len(mail.outbox) == 25
