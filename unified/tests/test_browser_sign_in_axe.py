"""The pages of signing in and of the account's protection, as axe sees them, and none wider than the screen."""

import time
from importlib import import_module

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings

from accounts import addresses, factors
from accounts.models import User
from tests.browser import Visit, session_of
from unified.tests.test_browser_axe import ASK, AXE, LOOKS, RULES

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ALBUM = settings.BASE_DIR / "test-results/pages"
EVERY_LOOK = LOOKS | {
    "dark phone": {**LOOKS["light phone"], "color_scheme": "dark"},
    "light desk": {**LOOKS["dark desk"], "color_scheme": "light"},
}
# One page fades into the next.
STILL = """() => Promise.allSettled(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().iterations !== Infinity).map(one => one.finished))"""
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
WITHOUT = {
    "factors-off": "/accounts/2fa/",
    "app": "/accounts/2fa/totp/activate/",
    "passkeys-none": "/accounts/2fa/webauthn/",
    "passkey-new": "/accounts/2fa/webauthn/add/",
    "sessions": "/accounts/sessions/",
    "email": "/accounts/email/",
    "password": "/accounts/password/change/",
    "close": "/account/close",
    "account-off": "/account/",
}
WITH = {
    "factors": "/accounts/2fa/",
    "app-off": "/accounts/2fa/totp/deactivate/",
    "recovery": "/accounts/2fa/recovery-codes/",
    "recovery-new": "/accounts/2fa/recovery-codes/generate/",
    "passkeys": "/accounts/2fa/webauthn/",
    "passkey-name": "/accounts/2fa/webauthn/keys/{key}/edit/",
    "passkey-remove": "/accounts/2fa/webauthn/keys/{key}/remove/",
    "reauthenticate-code": "/accounts/2fa/reauthenticate/",
    "account-on": "/account/",
}
STRANGERS = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "code-ask": "/accounts/login/code/",
    "reset": "/accounts/password/reset/",
    "goodbye": "/account/closed",
}


def prove(user: User) -> str:
    """A session in which this person has just said again who they are."""
    key = session_of(user)
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    session["account_authentication_methods"] = [{"method": "mfa", "reauthenticated": True, "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return key


def window(visitor, site: str, look: str, user: User | None = None) -> Visit:
    visit = visitor(bypass_csp=True, **EVERY_LOOK[look])
    visit.base = site.replace("127.0.0.1", "localhost")
    if user is not None:
        visit.page.context.add_cookies([{"name": "sessionid", "value": prove(user), "url": visit.base}])
    return visit


def faults(visit: Visit, pages: dict[str, str], look: str) -> dict[str, list[str]]:
    found = {}
    ALBUM.mkdir(parents=True, exist_ok=True)
    for name, path in pages.items():
        found[name] = look_at(visit, name, look, f"{visit.base}{path}")
    return found


def look_at(visit: Visit, name: str, look: str, url: str = "") -> list[str]:
    """What axe objects to on the page at `url`, or on the one that is open; a picture is kept."""
    if url:
        assert visit.page.goto(url).status == 200, url
        assert visit.page.url == url
    visit.page.evaluate("document.fonts.ready")
    visit.page.evaluate(STILL)
    visit.page.screenshot(path=ALBUM / f"sign-in-{name}-{look.replace(' ', '-')}.png", full_page=True)
    visit.page.evaluate(AXE.read_text())
    return [*visit.page.evaluate(ASK, RULES), *(["too wide"] if visit.page.evaluate(WIDE) else [])]


@pytest.mark.parametrize("look", EVERY_LOOK)
def test_finds_nothing_on_the_way_in(visitor, site: str, look: str) -> None:
    visit = window(visitor, site, look)
    found = faults(visit, STRANGERS, look)
    page = visit.page
    page.goto(f"{visit.base}/accounts/signup/")
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Create account").click()
    page.get_by_label("Code").fill("BBBB-BBBB")
    page.get_by_role("button", name="Create account").click()
    page.locator(".error").wait_for()
    found["signup-code"] = look_at(visit, "signup-code", look)
    assert found == {name: [] for name in [*STRANGERS, "signup-code"]}


@pytest.mark.parametrize("look", EVERY_LOOK)
def test_finds_nothing_on_the_pages_of_protection(visitor, site: str, alice: User, look: str) -> None:
    alice.set_password("correct horse battery staple")
    alice.save()
    addresses.vouch_for(alice)
    assert faults(window(visitor, site, look, alice), WITHOUT, look) == {name: [] for name in WITHOUT}
    factors.set_up_app(alice)
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Blue key", "credential": {}}).pk
    pages = {name: path.format(key=key) for name, path in WITH.items()}
    assert faults(window(visitor, site, look, alice), pages, look) == {name: [] for name in pages}


@pytest.mark.parametrize("look", EVERY_LOOK)
def test_finds_nothing_where_one_is_asked_who_one_is(visitor, site: str, alice: User, look: str) -> None:
    visit = window(visitor, site, look)
    visit.page.context.add_cookies([{"name": "sessionid", "value": session_of(alice), "url": visit.base}])
    pages = {"prove-by-mail": "/accounts/reauthenticate/code/"}
    assert faults(visit, pages, look) == {"prove-by-mail": []}
    addresses.vouch_for(alice)
    alice.set_password("correct horse battery staple")
    alice.save()
    factors.set_up_app(alice)
    visit.page.context.clear_cookies()
    visit.page.goto(f"{visit.base}/accounts/login/")
    visit.page.get_by_label("Email").fill("alice@example.com")
    visit.page.get_by_label("Password").fill("correct horse battery staple")
    visit.page.get_by_role("button", name="Sign in", exact=True).click()
    assert look_at(visit, "second-step", look) == []
