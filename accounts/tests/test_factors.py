"""Second factors: the authenticator app, recovery codes, and that they are asked for on every way in."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from accounts import factors, login_links, services
from accounts.models import ClientApp, User
from accounts.tests.sign_in_cast import (
    app_code,
    claimed,
    confirm,
    mailed_code,
    sign_in,
    signed_in_as,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]
STEP = "/accounts/2fa/authenticate/"
SET_UP = "/accounts/2fa/totp/activate/"


@pytest.fixture
def secret(alice: User) -> str:
    """The key in Alice's authenticator app."""
    claimed(alice)
    return factors.set_up_app(alice)[0]


def recovery_codes(user: User) -> list[str]:
    return list(Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes())


@pytest.mark.django_db(transaction=True)
def test_an_app_is_set_up_with_its_first_code_and_gives_recovery_codes(client: Client, alice: User) -> None:
    sign_in(client, claimed(alice))
    confirm(client)
    page = client.get(SET_UP)
    key = page.context["form"].secret
    assert key in page.content.decode()
    assert client.post(SET_UP, {"code": "000000"}).status_code == 200
    assert client.post(SET_UP, {"code": app_code(key, time.time())})["Location"] == "/accounts/2fa/recovery-codes/"
    shown = client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert len(recovery_codes(alice)) == 10
    assert all(code in shown for code in recovery_codes(alice))
    assert mail.outbox[-1].subject == "[Unified] Authenticator App Activated"
    assert "authenticator app on" in client.get("/account/").content.decode()


def test_nothing_a_factor_rests_on_is_stored_in_clear(alice: User, secret: str) -> None:
    kept = str(list(Authenticator.objects.values("data")))
    assert secret not in kept
    assert factors.FactorAdapter().decrypt(Authenticator.objects.get(type="totp").data["secret"]) == secret


def ways_in(alice: User, app: ClientApp) -> dict[str, Client]:
    clients = {way: Client() for way in ("password", "code", "reset", "link")}
    sign_in(clients["password"], alice)
    clients["code"].post("/accounts/login/code/", {"email": alice.email})
    clients["code"].post("/accounts/login/code/confirm/", {"code": mailed_code()})
    clients["link"].get(login_links.issue(user=alice, app=app)[1])
    clients["reset"].post("/accounts/password/reset/", {"email": alice.email})
    clients["reset"].post("/accounts/password/reset/confirm/", {"code": mailed_code()})
    new = {"password1": "quite another password", "password2": "quite another password"}
    clients["reset"].post("/accounts/password/reset/complete/", new)
    return clients


def test_every_way_in_asks_for_the_second_factor(alice: User, secret: str, penora: ClientApp) -> None:
    for way, client in ways_in(alice, penora).items():
        assert signed_in_as(client) is None, way
        assert client.get(STEP).status_code == 200, way
    assert client.post(STEP, {"code": app_code(secret, time.time())})["Location"] == "/"
    assert signed_in_as(client) == str(alice.pk)


def test_a_code_of_the_app_counts_once(alice: User, secret: str) -> None:
    code = app_code(secret, time.time())
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, alice)
        client.post(STEP, {"code": code})
    assert signed_in_as(first) == str(alice.pk)
    assert signed_in_as(second) is None


@pytest.mark.parametrize(("steps", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_of_the_step_before_or_after_counts(alice: User, secret: str, client: Client, steps: int, fits) -> None:
    sign_in(client, alice)
    client.post(STEP, {"code": app_code(secret, time.time() + steps)})
    assert (signed_in_as(client) is not None) is fits


def test_a_recovery_code_counts_once(alice: User, secret: str) -> None:
    code = recovery_codes(alice)[3]
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, alice)
        client.post(STEP, {"code": code})
    assert signed_in_as(first) == str(alice.pk)
    assert signed_in_as(second) is None
    assert code not in recovery_codes(alice)


def test_a_guesser_of_codes_is_stopped(alice: User, secret: str, client: Client) -> None:
    sign_in(client, alice)
    for _ in range(5):
        client.post(STEP, {"code": "000000"})
    answer = client.post(STEP, {"code": app_code(secret, time.time())})
    assert "Too many" in answer.content.decode()
    assert signed_in_as(client) is None


def test_the_second_step_gives_a_new_session_key(alice: User, secret: str, client: Client) -> None:
    sign_in(client, alice)
    before = client.session.session_key
    client.post(STEP, {"code": recovery_codes(alice)[0]})
    assert client.session.session_key != before


def test_the_password_alone_turns_nothing_off(alice: User, secret: str, client: Client) -> None:
    sign_in(client, alice)
    client.post(STEP, {"code": recovery_codes(alice)[0]})
    confirm(client)
    off = "/accounts/2fa/totp/deactivate/"
    assert client.post(off)["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert Authenticator.objects.filter(type="totp").exists()
    client.post("/accounts/2fa/reauthenticate/", {"code": recovery_codes(alice)[0]})
    client.post(off)
    assert not Authenticator.objects.exists()
    assert mail.outbox[-1].subject == "[Unified] Authenticator App Deactivated"


def test_an_address_that_was_never_proved_gets_no_factor(alice: User, imagegene: ClientApp, client: Client) -> None:
    services.connect(user=alice, app=imagegene)
    client.get(login_links.issue(user=alice, app=imagegene)[1])
    client.post(SET_UP, {"code": "000000"})
    assert not Authenticator.objects.exists()


def test_nobody_sees_or_removes_anothers_passkey(alice: User, bob: User, client: Client) -> None:
    theirs = Authenticator.objects.create(user=bob, type="webauthn", data={"name": "Bob's", "credential": {}})
    sign_in(client, claimed(alice))
    confirm(client)
    for page in ("remove", "edit"):
        assert client.get(f"/accounts/2fa/webauthn/keys/{theirs.pk}/{page}/").status_code == 404
        assert client.post(f"/accounts/2fa/webauthn/keys/{theirs.pk}/{page}/", {"name": "x"}).status_code == 404
    assert Authenticator.objects.get().data["name"] == "Bob's"


@pytest.mark.parametrize(
    "credential",
    ["", "null", "[]", "{}", "x", "1", '{"response": 1}', '{"response": {"clientDataJSON": "e30"}}', "[" * 5000],
)
def test_a_malformed_passkey_is_refused(client: Client, alice: User, credential: str) -> None:
    client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": credential})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    sign_in(client, claimed(alice))
    confirm(client)
    answer = client.post("/accounts/2fa/webauthn/add/", {"credential": credential, "name": "x"})
    assert answer.status_code == 200
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("https://unified.example", "https://unified.example", "unified.example"),
        ("https://unified.example:8443", "https://unified.example:8443", "unified.example"),
        ("http://127.0.0.1:8000", "http://localhost:8000", "localhost"),
    ],
)
def test_passkeys_belong_to_the_public_address(settings, url: str, origin: str, host: str) -> None:
    settings.PUBLIC_URL = url
    assert factors.origin() == origin
    assert factors.FactorAdapter().get_public_key_credential_rp_entity()["id"] == host
