"""Signing in as people do it, in a real Chromium with an authenticator: passkeys, codes, sessions, goodbye."""

import re
import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from accounts import factors
from accounts.models import User
from accounts.tests.sign_in_cast import PASSWORD, app_code, claimed
from tests.browser import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def named(visitor: Callable[..., Visit], site: str) -> Callable[..., Visit]:
    """Windows at localhost, by which name passkeys know this machine."""

    def open_window(**options) -> Visit:
        visit = visitor(**options)
        visit.base = site.replace("127.0.0.1", "localhost")
        return visit

    return open_window


def plug_in(page: Page):
    """A passkey device in this window."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return devtools, made["authenticatorId"]


def type_password(visit: Visit, onward: str = "") -> None:
    visit.page.goto(f"{visit.base}/accounts/login/{onward}")
    visit.page.get_by_label("Email").fill("alice@example.com")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in", exact=True).click()


def say_it_is_me(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("Is it you?")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def add_passkey(visit: Visit, name: str, alone: bool = True) -> None:
    page = visit.page
    page.goto(f"{visit.base}/accounts/2fa/webauthn/add/")
    say_it_is_me(page)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Create the passkey").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")


def test_a_passkey_is_made_and_signs_in_alone(named, alice: User) -> None:
    claimed(alice)
    visit = named()
    page = visit.page
    plug_in(page)
    type_password(visit)
    add_passkey(visit, "My phone")
    page.goto(f"{visit.base}/accounts/2fa/webauthn/")
    expect(page.locator("main")).to_contain_text("My phone")
    expect(page.locator("main")).to_contain_text("Signs you in alone")
    page.goto(f"{visit.base}/account/")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{visit.base}/accounts/login/?next=/storage/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{visit.base}/storage/")
    assert Authenticator.objects.get(type="webauthn").last_used_at is not None
    assert visit.troubles == []


def test_a_passkey_is_the_second_factor_renamed_and_removed(named, alice: User) -> None:
    claimed(alice)
    visit = named()
    page = visit.page
    plug_in(page)
    type_password(visit)
    add_passkey(visit, "Key", alone=False)
    page.goto(f"{visit.base}/account/")
    page.get_by_role("button", name="Sign out").click()
    type_password(visit, "?next=/credits/")
    expect(page.locator("h1")).to_have_text("One more step")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{visit.base}/credits/")
    page.goto(f"{visit.base}/accounts/2fa/webauthn/")
    expect(page.locator("main")).to_contain_text("Second factor")
    page.get_by_role("link", name="Rename").click()
    page.get_by_role("link", name="Use a security key").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_label("Name").fill("Blue key")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Blue key")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("main")).to_contain_text("No passkey yet")
    assert not Authenticator.objects.exists()
    assert visit.troubles == []


def test_a_passkey_of_another_account_or_place_signs_nobody_in(named, alice: User) -> None:
    claimed(alice)
    visit = named()
    page = visit.page
    devtools, device = plug_in(page)
    type_password(visit)
    add_passkey(visit, "My phone")
    page.goto(f"{visit.base}/account/")
    page.get_by_role("button", name="Sign out").click()
    Authenticator.objects.all().delete()
    page.goto(f"{visit.base}/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator(".notice.error")).to_be_visible()
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Your browser did not give a passkey")).to_be_visible()
    assert visit.troubles == []


def test_by_its_number_this_machine_says_where_passkeys_work(visitor, alice: User, site: str) -> None:
    page = visitor().page
    page.goto("/accounts/login/")
    expect(page.locator("main")).to_contain_text(f"Passkeys work at {site.replace('127.0.0.1', 'localhost')}")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


@pytest.mark.parametrize("scripted", [True, False])
def test_an_authenticator_app_is_set_up_and_asked_for_and_a_recovery_code_does(named, alice: User, scripted) -> None:
    claimed(alice)
    visit = named(java_script_enabled=scripted)
    page = visit.page
    type_password(visit)
    page.goto(f"{visit.base}/account/")
    page.get_by_role("link", name=re.compile("^Set up")).click()
    page.get_by_role("link", name="Set up").click()
    say_it_is_me(page)
    expect(page.get_by_role("img", name="QR code of the key below")).to_be_visible()
    key = page.locator("dd.code").inner_text()
    page.get_by_label("Authenticator code").fill(app_code(key, time.time()))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    codes = page.locator("#recovery-codes li").all_inner_texts()
    page.goto(f"{visit.base}/account/")
    page.get_by_role("button", name="Sign out").click()
    for code in (app_code(key, time.time()), codes[0]):
        type_password(visit)
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page).to_have_url(f"{visit.base}/")
        page.goto(f"{visit.base}/account/")
        page.get_by_role("button", name="Sign out").click()
    assert visit.troubles == []


def test_signing_out_elsewhere(named, alice: User) -> None:
    claimed(alice)
    here, elsewhere = named(), named()
    for visit in (here, elsewhere):
        type_password(visit)
        expect(visit.page).to_have_url(f"{visit.base}/")
    here.page.goto(f"{here.base}/account/")
    here.page.get_by_role("link", name="See sessions").click()
    expect(here.page.locator(".options li")).to_have_count(2)
    here.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.page.locator(".options li")).to_have_count(1)
    elsewhere.page.goto(f"{elsewhere.base}/account/")
    assert "/accounts/login/" in elsewhere.page.url
    assert here.troubles == []


def test_closing_the_account(named, alice: User) -> None:
    claimed(alice)
    visit = named()
    page = visit.page
    type_password(visit)
    page.goto(f"{visit.base}/account/")
    page.get_by_role("link", name="Close account").click()
    say_it_is_me(page)
    page.get_by_label("Your email address").fill("alice@example.com")
    page.get_by_role("button", name="Close the account").click()
    expect(page.locator("h1")).to_have_text("Goodbye")
    type_password(visit)
    expect(page.locator("[role=alert]").first).to_be_visible()
    alice.refresh_from_db()
    assert not alice.is_active
    assert visit.troubles == []


def test_staff_come_into_the_admin_with_their_second_factor(named, staff: User) -> None:
    secret, _ = factors.set_up_app(staff)
    visit = named()
    page = visit.page
    page.goto(f"{visit.base}/admin/")
    page.get_by_label("Email").fill(staff.email)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(app_code(secret, time.time()))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{visit.base}/admin/")
    assert visit.troubles == []
