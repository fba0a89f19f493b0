"""People an app made: how the account becomes theirs, and that it never becomes anybody else's."""

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts import addresses, login_links, services
from accounts.models import ClientApp, User
from accounts.tests.sign_in_cast import (
    PASSWORD,
    claimed,
    confirm,
    mailed_code,
    sign_in,
    signed_in_as,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]
BY_CODE, TYPE_CODE = "/accounts/login/code/", "/accounts/login/code/confirm/"
PROVE, SET_PASSWORD = "/accounts/reauthenticate/code/", "/accounts/password/set/"
NEW_EMAIL, TYPE_EMAIL = "/accounts/email/", "/accounts/confirm-email/"


def say(app: ClientApp, **changes: str) -> User:
    """What an app says of Alice with create-user."""
    facts = {"user_id": "alice", "username": "Alice", "email": "alice@example.com", **changes}
    return services.register(app=app, **facts)[0]


def arrive(user: User, app: ClientApp) -> Client:
    """A browser that followed the app's login link."""
    services.connect(user=user, app=app)
    client = Client()
    client.get(login_links.issue(user=user, app=app)[1])
    assert signed_in_as(client) == str(user.pk)
    return client


def by_code(client: Client, email: str):
    client.post(BY_CODE, {"email": email})
    return client.post(TYPE_CODE, {"code": mailed_code()})


def test_an_account_is_claimed_with_a_code(client: Client, alice: User) -> None:
    assert not addresses.is_claimed(alice)
    assert by_code(client, alice.email)["Location"] == "/"
    assert signed_in_as(client) == str(alice.pk)
    assert EmailAddress.objects.get(user=alice).verified


def test_an_account_is_claimed_with_a_new_password(client: Client, alice: User) -> None:
    client.post("/accounts/password/reset/", {"email": alice.email})
    client.post("/accounts/password/reset/confirm/", {"code": mailed_code()})
    client.post("/accounts/password/reset/complete/", {"password1": PASSWORD, "password2": PASSWORD})
    assert signed_in_as(client) == str(alice.pk)
    assert EmailAddress.objects.get(user=alice).verified


def test_until_then_an_app_may_say_another_address(client: Client, alice: User, penora: ClientApp) -> None:
    client.post(BY_CODE, {"email": alice.email})
    assert say(penora, email="alicia@example.com").email == "alicia@example.com"
    assert not EmailAddress.objects.exists()
    Client().post(BY_CODE, {"email": "alice@example.com"})
    assert "do not have any record" in str(mail.outbox[-1].body)
    own = Client()
    by_code(own, "alicia@example.com")
    assert signed_in_as(own) == str(alice.pk)


def test_from_then_on_no_app_changes_how_the_person_signs_in(client: Client, alice: User, penora: ClientApp) -> None:
    by_code(client, alice.email)
    user = say(penora, username="Al", email="mallory@example.com")
    assert (user.username, user.email) == ("Al", "alice@example.com")
    assert User.objects.get(pk=alice.pk).email == "alice@example.com"
    mail.outbox.clear()
    stranger = Client()
    stranger.post(BY_CODE, {"email": "mallory@example.com"})
    stranger.post("/accounts/password/reset/", {"email": "mallory@example.com"})
    assert all("do not have any record" in str(message.body) for message in mail.outbox)
    assert len(mail.outbox) == 2


def test_create_user_answers_the_address_that_is_in_force(alice: User, penora_api, client: Client) -> None:
    by_code(client, alice.email)
    body = {"user_id": "alice", "username": "Al", "email": "mallory@example.com"}
    answer = penora_api.post("/api/unified/create-user", body, format="json")
    assert (answer.status_code, answer.json()["email"], answer.json()["username"]) == (200, "alice@example.com", "Al")


def test_the_first_proof_ends_sessions_that_came_through_apps(alice: User, imagegene: ClientApp) -> None:
    before = arrive(alice, imagegene)
    by_code(Client(), alice.email)
    assert before.get("/account/").status_code == 302
    assert arrive(alice, imagegene).get("/account/").status_code == 200


def test_the_first_proof_drops_a_password_that_another_may_have_set(alice: User) -> None:
    alice.set_password("set by who knows whom")
    alice.save()
    by_code(Client(), alice.email)
    alice.refresh_from_db()
    assert not alice.has_usable_password()


def test_a_password_that_is_typed_in_the_sign_in_that_proves_the_address_stays(client: Client, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    assert sign_in(client, alice)["Location"] == TYPE_EMAIL
    assert signed_in_as(client) is None
    assert client.post(TYPE_EMAIL, {"code": mailed_code()})["Location"] == "/"
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert signed_in_as(client) == str(alice.pk)


# What one may change who came through an app.


@pytest.mark.parametrize("was_claimed", [False, True])
@pytest.mark.parametrize("path", [SET_PASSWORD, "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"])
def test_a_way_in_of_ones_own_needs_a_proof(alice: User, imagegene: ClientApp, path: str, was_claimed: bool) -> None:
    if was_claimed:
        by_code(Client(), alice.email)
    client = arrive(alice, imagegene)
    assert client.get(path)["Location"].startswith(PROVE)
    secret = {"password1": PASSWORD, "password2": PASSWORD, "code": "000000", "credential": "{}"}
    assert client.post(path, secret)["Location"].startswith(PROVE)
    alice.refresh_from_db()
    assert not alice.has_usable_password()


def test_a_new_address_needs_a_proof_of_the_old(alice: User, imagegene: ClientApp) -> None:
    client = arrive(alice, imagegene)
    assert client.post(NEW_EMAIL, {"action_add": "", "email": "mallory@example.com"})["Location"].startswith(PROVE)
    assert mail.outbox == []


def test_with_a_code_the_person_goes_on_to_what_they_came_for(alice: User, imagegene: ClientApp) -> None:
    client = arrive(alice, imagegene)
    page = f"{PROVE}?next={SET_PASSWORD}"
    assert "Email me a code" in client.get(page).content.decode()
    assert mail.outbox == []
    client.post(page, {"send": ""})
    assert mail.outbox[-1].to == [alice.email]
    assert client.post(page, {"code": "BBBB-BBBB"}).status_code == 200
    assert client.post(page, {"code": mailed_code()})["Location"] == SET_PASSWORD
    assert client.get(SET_PASSWORD).status_code == 200
    client.post(SET_PASSWORD, {"password1": PASSWORD, "password2": PASSWORD})
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=alice).verified
    assert client.get("/account/").status_code == 200


def test_a_code_for_an_address_that_an_app_changed_meanwhile_is_none(
    alice: User, penora: ClientApp, imagegene: ClientApp
) -> None:
    client = arrive(alice, imagegene)
    client.post(PROVE, {"send": ""})
    say(penora, email="alicia@example.com")
    assert client.post(PROVE, {"code": mailed_code()}).status_code == 200
    assert not EmailAddress.objects.filter(verified=True).exists()


# Changing one's address.


def change(client: Client, email: str):
    confirm(client)
    return client.post(NEW_EMAIL, {"action_add": "", "email": email})


def test_a_new_address_counts_once_its_code_is_typed_and_the_old_one_is_told(client: Client, alice: User) -> None:
    sign_in(client, claimed(alice))
    assert change(client, "New@example.com")["Location"] == TYPE_EMAIL
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert client.get(TYPE_EMAIL).status_code == 200
    code = mailed_code()
    assert mail.outbox[-1].to == ["new@example.com"]
    client.post(TYPE_EMAIL, {"code": code})
    alice.refresh_from_db()
    assert alice.email == "new@example.com"
    assert list(EmailAddress.objects.filter(user=alice).values_list("email", "verified")) == [("new@example.com", True)]
    assert mail.outbox[-1].to == ["alice@example.com"]
    assert "new@example.com" in str(mail.outbox[-1].body)
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize("how", ["claimed", "an app's word"])
def test_anothers_address_is_not_taken_over_and_nobody_learns_of_it_before_the_code(
    client: Client, alice: User, bob: User, how: str
) -> None:
    if how == "claimed":
        claimed(bob)
    sign_in(client, claimed(alice))
    assert change(client, bob.email)["Location"] == TYPE_EMAIL
    assert client.post(TYPE_EMAIL, {"code": mailed_code()}).status_code == 200
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert not EmailAddress.objects.filter(user=alice, email=bob.email).exists()
