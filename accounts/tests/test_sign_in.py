"""Signing in by password and by code, and coming back without a password: the same to strangers, whoever they name."""

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client

from accounts import services
from accounts.models import ClientApp, User
from accounts.tests.sign_in_cast import (
    LOGIN,
    PASSWORD,
    claimed,
    mailed_code,
    sign_in,
    signed_in_as,
    without_tokens,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]
BY_CODE, TYPE_CODE = "/accounts/login/code/", "/accounts/login/code/confirm/"
RESET, TYPE_RESET, NEW = (
    "/accounts/password/reset/",
    "/accounts/password/reset/confirm/",
    "/accounts/password/reset/complete/",
)
PEOPLE = ["alice@example.com", "bob@example.com", "carol@example.com", "nobody@example.com"]


@pytest.fixture(autouse=True)
def people(alice: User, bob: User, penora: ClientApp) -> None:
    """Alice is claimed, Bob is an app's word, Carol is closed to sign-in, nobody is nobody."""
    claimed(alice)
    carol, _ = services.register(user_id="carol", username="Carol", email="carol@example.com", app=penora)
    carol.is_active = False
    claimed(carol)


def seen(answers, email: str) -> list[tuple[int, str]]:
    return [(a.status_code, without_tokens(a.content.decode()).replace(email, "E") or a["Location"]) for a in answers]


def wrong_password(email: str):
    client = Client()
    return seen([client.post(LOGIN, {"login": email, "password": "wrong"})], email)


def wrong_code(email: str):
    client = Client()
    answers = [client.post(BY_CODE, {"email": email}), client.get(TYPE_CODE)]
    return seen([*answers, *(client.post(TYPE_CODE, {"code": "BBBB-BBBB"}) for _ in range(3))], email)


def wrong_reset(email: str):
    client = Client()
    answers = [client.post(RESET, {"email": email}), client.get(TYPE_RESET)]
    return seen([*answers, *(client.post(TYPE_RESET, {"code": "BBBB-BBBB"}) for _ in range(3))], email)


@pytest.mark.parametrize(("story", "work"), [(wrong_password, 1), (wrong_code, 0), (wrong_reset, 0)])
def test_nobody_learns_who_has_an_account(hashed, story, work: int) -> None:
    told = []
    for email in PEOPLE:
        hashed.clear()
        mail.outbox.clear()
        told.append((story(email), len(hashed), len(mail.outbox)))
    assert all(each == told[-1] for each in told)
    assert told[-1][1] == work


def test_a_person_signs_in_with_a_code_and_that_is_all_it_is_good_for(client: Client, alice: User) -> None:
    client.post(BY_CODE, {"email": alice.email})
    code = mailed_code()
    assert Client().post(TYPE_CODE, {"code": code})["Location"] == BY_CODE
    assert client.post(TYPE_CODE, {"code": code.lower().replace("-", " ")})["Location"] == "/"
    assert signed_in_as(client) == str(alice.pk)
    client.post("/accounts/logout/")
    assert client.post(TYPE_CODE, {"code": code}).status_code == 302
    assert signed_in_as(client) is None


def test_a_new_password_is_chosen_with_a_code_and_ends_other_sessions(client: Client, alice: User) -> None:
    elsewhere = Client()
    sign_in(elsewhere, alice)
    client.post(RESET, {"email": alice.email})
    assert client.get(NEW)["Location"] == TYPE_RESET
    client.post(TYPE_RESET, {"code": mailed_code()})
    page = client.get(NEW)
    assert "css/base" in page.content.decode()
    new = "a quite different password"
    assert client.post(NEW, {"password1": new, "password2": new})["Location"] == "/"
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert elsewhere.get("/account/").status_code == 302
    assert mail.outbox[-1].to == [alice.email]
    assert mail.outbox[-1].subject == "[Unified] Password Reset"


def test_the_person_is_told_of_a_new_password(client: Client, alice: User) -> None:
    sign_in(client, alice)
    new = "a quite different password"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert "has been changed" in str(mail.outbox[-1].body)
    assert "127.0.0.1" in str(mail.outbox[-1].body)


@pytest.mark.parametrize("guess", ["", "0", "BBBBBBBB", "\x00", "é" * 8, "B" * 5000])
def test_a_wrong_code_of_any_kind_opens_nothing(client: Client, alice: User, guess: str) -> None:
    client.post(BY_CODE, {"email": alice.email})
    assert client.post(TYPE_CODE, {"code": guess}).status_code == 200
    assert signed_in_as(client) is None


# Sessions, forms and where one is led.


def test_signing_in_gives_a_new_session_key(client: Client, alice: User) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = str(session.session_key)
    sign_in(client, alice)
    assert signed_in_as(client) == str(alice.pk)
    assert client.session.session_key != session.session_key


@pytest.mark.parametrize("path", [LOGIN, BY_CODE, RESET, "/accounts/logout/", "/accounts/2fa/webauthn/login/"])
def test_a_form_from_elsewhere_is_refused(path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(path, {"email": "a@example.com"}).status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "\t//x.example",
    ],
)
@pytest.mark.parametrize("way", [LOGIN, BY_CODE])
def test_nobody_is_led_elsewhere(client: Client, alice: User, way: str, elsewhere: str) -> None:
    if way == LOGIN:
        answer = client.post(LOGIN, {"login": alice.email, "password": PASSWORD, "next": elsewhere})
    else:
        client.post(BY_CODE, {"email": alice.email, "next": elsewhere})
        answer = client.post(TYPE_CODE, {"code": mailed_code(), "next": elsewhere})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.post("/accounts/logout/", {"next": elsewhere})["Location"] == LOGIN


def test_only_a_post_signs_out(client: Client, alice: User) -> None:
    sign_in(client, alice)
    for method in ("get", "head", "options"):
        getattr(client, method)("/accounts/logout/")
    assert signed_in_as(client) == str(alice.pk)
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert signed_in_as(client) is None


def test_signing_out_elsewhere_leaves_this_session_alone(client: Client, alice: User) -> None:
    elsewhere = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    for each in (client, elsewhere):
        sign_in(each, alice)
    page = client.get("/accounts/sessions/").content.decode()
    assert "Firefox · Linux" in page
    client.post("/accounts/sessions/")
    assert elsewhere.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 200


def test_one_place_is_signed_out_by_whose_it_is_and_by_nobody_else(client: Client, alice: User, bob: User) -> None:
    elsewhere, third, stranger = (Client() for _ in range(3))
    for each in (client, elsewhere, third):
        sign_in(each, alice)
    stranger.force_login(bob)
    number = UserSession.objects.get(session_key=elsewhere.session.session_key).pk
    assert client.get("/accounts/sessions/").content.decode().count(f"/account/sessions/{number}/end") == 1
    for nothing in (stranger.post(f"/account/sessions/{number}/end"), client.post("/account/sessions/99999999/end")):
        assert nothing.status_code == 404
    assert elsewhere.get("/account/").status_code == 200
    assert client.get(f"/account/sessions/{number}/end").status_code == 405
    assert client.post(f"/account/sessions/{number}/end")["Location"] == "/accounts/sessions/"
    assert [each.get("/account/").status_code for each in (client, elsewhere, third)] == [200, 302, 200]


# Limits.


def test_a_guesser_is_stopped_for_an_account_from_wherever_they_come(alice: User) -> None:
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), alice, "wrong")
    stopped = sign_in(Client(REMOTE_ADDR="192.0.2.77"), alice)
    assert "Too many" in stopped.content.decode()
    unknown = User(email="nobody@example.com")
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), unknown, "wrong")
    also = sign_in(Client(REMOTE_ADDR="192.0.2.77"), unknown)
    assert without_tokens(also.content.decode()).replace(unknown.email, alice.email) == without_tokens(
        stopped.content.decode()
    )


def test_a_guesser_at_many_accounts_is_stopped_by_address() -> None:
    stranger = Client(REMOTE_ADDR="192.0.2.9")
    answers = [sign_in(stranger, User(email=f"n{number}@example.com"), "wrong") for number in range(11)]
    assert ["Too many" in answer.content.decode() for answer in answers] == [False] * 10 + [True]


@pytest.mark.parametrize(("path", "allowed"), [(BY_CODE, 3), (RESET, 5)])
def test_a_mailbox_is_not_flooded(alice: User, path: str, allowed: int) -> None:
    for number in range(8):
        Client(REMOTE_ADDR=f"192.0.2.{number}").post(path, {"email": alice.email})
    assert len(mail.outbox) == allowed


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_guesses_are_counted_together(alice: User, race) -> None:
    answers = race(lambda _: sign_in(Client(), alice, "wrong").content.decode(), times=24)
    tried = sum(isinstance(answer, str) and "are not correct" in answer for answer in answers)
    assert 1 <= tried <= 5
    assert all(isinstance(answer, str) for answer in answers)
