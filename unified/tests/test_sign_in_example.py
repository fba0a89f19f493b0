"""ImageGene's own page against the running product: sign in, have a picture made and paid, be shut out again."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from accounts import consents, services
from accounts.models import ClientApp, Connection, User
from accounts.oidc import clients
from accounts.tests.sign_in_cast import PASSWORD, claimed
from tests.server import ROOT, free_port, gunicorn
from workspace.models import Project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def unified(collected_static: None) -> Iterator[str]:
    with gunicorn() as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def imagegene_page(unified: str, imagegene: ClientApp) -> Iterator[str]:
    """The address of ImageGene's own server, registered at Unified."""
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    clients.register(app=imagegene, redirect_uris=[f"{page}/callback"], scopes=consents.SCOPES)
    environment = {
        "PATH": os.environ["PATH"],
        "UNIFIED_URL": unified,
        "UNIFIED_CLIENT_SECRET": clients.issue_secret(app=imagegene),
    }
    command = [sys.executable, "-u", "examples/imagegene/web.py", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "ImageGene is at" in process.stdout.readline()
    yield page
    process.kill()
    process.wait()
    process.stdout.close()


class Browser:
    """A browser without JavaScript that follows redirects and the page that leads on."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.url, self.html = "", ""

    def go(self, url: str, form: dict[str, str] | None = None) -> "Browser":
        data = urlencode(form).encode() if form is not None else None
        parts = urlsplit(url)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Referer": url} if form is not None else {}
        try:
            with self._opener.open(urllib.request.Request(url, data=data, headers=headers)) as answer:
                self.url, self.html = answer.url, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                self.url, self.html = refusal.url, refusal.read().decode()
        onward = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', self.html)
        return self.go(unescape(onward[1])) if onward else self

    def send(self, **fields: str) -> "Browser":
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.html)
        return self.go(self.url, {**({"csrfmiddlewaretoken": found[1]} if found else {}), **fields})

    def text(self, name: str) -> str:
        found = re.search(rf"""id=['"]{name}['"]>([^<]*)<""", self.html)
        assert found, self.html
        return found[1]


def test_a_person_signs_in_to_imagegene_and_pays_for_a_picture(imagegene_page: str, alice: User) -> None:
    claimed(alice)
    browser = Browser().go(imagegene_page)
    assert "Sign in with Unified" in browser.html
    browser.go(f"{imagegene_page}/sign-in")
    assert urlsplit(browser.url).path == "/accounts/login/"
    browser.send(login="alice@example.com", password=PASSWORD, next=parse_qs(urlsplit(browser.url).query)["next"][0])
    assert "ImageGene will be allowed to" in browser.html, browser.html
    browser.send(answer="allow")
    assert browser.url == f"{imagegene_page}/"
    assert (browser.text("name"), browser.text("credits")) == ("Alice", "60")
    browser.go(f"{imagegene_page}/paint", {"prompt": "A harbour <at> dawn", "style": "stained glass"})
    assert browser.text("credits") == "58"
    project = Project.objects.get()
    assert (project.code, project.user, project.app.slug) == (browser.text("code"), alice, "imagegene")
    services.disconnect(user=alice, app=ClientApp.objects.get(slug="imagegene"))
    assert "does not let ImageGene in" in browser.go(imagegene_page).html


def test_saying_no_and_answers_that_were_not_asked_for_sign_nobody_in(imagegene_page: str, alice: User) -> None:
    claimed(alice)
    browser = Browser().go(f"{imagegene_page}/sign-in")
    browser.send(login="alice@example.com", password=PASSWORD, next=parse_qs(urlsplit(browser.url).query)["next"][0])
    assert "You are not signed in" in browser.send(answer="deny").html
    for query in ("", "?code=x&state=x", "?error=access_denied"):
        assert "Sign in with Unified" in Browser().go(f"{imagegene_page}/callback{query}").html
    browser.go(f"{imagegene_page}/sign-in")
    assert "You are not signed in" in browser.go(f"{imagegene_page}/callback?code=x&state=forged").html
    assert not Connection.objects.filter(user=alice, app__slug="imagegene").exists()


@pytest.mark.browser
def test_a_real_browser_signs_in_and_pays(imagegene_page: str, unified: str, chromium: Any, alice: User) -> None:
    claimed(alice)
    context = chromium.new_context()
    context.set_default_timeout(30_000)
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(imagegene_page)
    page.click("#sign-in")
    page.fill("input[name=login]", "alice@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.click("form[action='/accounts/login/'] button:has-text('Sign in')")
    page.click("button[value=allow]")
    page.wait_for_selector("#credits")
    assert page.inner_text("#credits") == "60"
    page.fill("input[name=prompt]", "A lighthouse")
    page.click("text=Paint it")
    page.wait_for_selector("#code")
    assert page.inner_text("#credits") == "58"
    page.click("text=Sign out")
    # Once agreed, the way there and back is one press.
    page.click("#sign-in")
    page.wait_for_selector("#credits")
    assert [error for error in errors if "favicon" not in error and "404" not in error] == []
    context.close()
