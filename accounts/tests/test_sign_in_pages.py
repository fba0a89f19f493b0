"""Every page of signing in is ours, works under the policy of every other page, and can be reached."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import factors
from accounts.models import User
from accounts.tests.sign_in_cast import (
    claimed,
    confirm,
    sign_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]

# Pages by whose they are; what is left is asked for with something in hand and has tests of its own.
STRANGERS = {
    "account_login",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_password_reset_completed",
    "account_request_login_code",
}
OWN = {
    "account_logout",
    "account_email",
    "account_change_password",
    "account_reauthenticate",
    "mfa_index",
    "mfa_list_webauthn",
    "usersessions_list",
}
AFTER_PROOF = {"mfa_activate_totp", "mfa_add_webauthn"}
WITH_A_FACTOR = {
    "mfa_reauthenticate",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
}
ELSEWHERE = {
    "login_link": "test_login_links",
    "account_set_password": "test_claiming",
    "reauthenticate_by_code": "test_claiming",
    "signup_code": "test_signing_up",
    "account_email_verification_sent": "test_claiming",
    "account_confirm_login_code": "test_sign_in",
    "account_confirm_password_reset_code": "test_sign_in",
    "account_complete_password_reset": "test_sign_in",
    "mfa_authenticate": "test_factors",
    "mfa_login_webauthn": "test_browser_sign_in",
    "mfa_reauthenticate_webauthn": "test_browser_sign_in",
    "mfa_remove_webauthn": "test_browser_sign_in",
    "mfa_edit_webauthn": "test_browser_sign_in",
}


def named(patterns: list[URLPattern | URLResolver], path: str = "") -> dict[str, str]:
    """The names of all paths under accounts/."""
    found = {}
    for pattern in patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found.update(named(pattern.url_patterns, here))
        elif here.startswith("accounts/"):
            found[str(pattern.name)] = f"/{here}"
    return found


PATHS = named(get_resolver().url_patterns)


def is_ours(answer) -> None:
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "css/base" in page
    assert " style=" not in page
    assert "<style" not in page
    assert "allauth" not in page
    assert "<h1>" in page


def test_no_page_was_forgotten():
    known = STRANGERS | OWN | AFTER_PROOF | WITH_A_FACTOR | set(ELSEWHERE)
    allauths = {name for name in PATHS if not name.startswith("idp")}
    assert allauths == known


@pytest.mark.parametrize("name", sorted(STRANGERS))
def test_a_strangers_page_is_ours(client: Client, name: str) -> None:
    is_ours(client.get(PATHS[name]))


@pytest.mark.parametrize("name", sorted(OWN | AFTER_PROOF))
def test_a_persons_page_is_ours(client: Client, alice: User, name: str) -> None:
    sign_in(client, claimed(alice))
    if name in AFTER_PROOF:
        assert client.get(PATHS[name])["Location"].startswith("/accounts/reauthenticate/")
        confirm(client)
    is_ours(client.get(PATHS[name]))


@pytest.fixture
def guarded(alice: User) -> User:
    """Alice with an authenticator app and recovery codes."""
    claimed(alice)
    factors.set_up_app(alice)
    return alice


@pytest.mark.parametrize("name", sorted(WITH_A_FACTOR))
def test_a_page_of_a_factor_is_ours(client: Client, guarded: User, name: str) -> None:
    codes = Authenticator.objects.get(user=guarded, type="recovery_codes").wrap().get_unused_codes()
    sign_in(client, guarded)
    client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    if name != "mfa_reauthenticate":
        assert client.get(PATHS[name])["Location"].startswith("/accounts/2fa/reauthenticate/")
        client.post("/accounts/2fa/reauthenticate/", {"code": codes[1]})
    answer = client.get(PATHS[name])
    if name == "mfa_download_recovery_codes":
        assert codes[2] in answer.content.decode()
        assert codes[0] not in answer.content.decode()
    else:
        is_ours(answer)


def test_too_many_attempts_are_told_to_wait(client: Client, alice: User) -> None:
    claimed(alice)
    for _ in range(31):
        answer = client.post("/accounts/login/", {"login": "", "password": ""})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "Too many attempts" in answer.content.decode()
    assert "css/base" in answer.content.decode()
