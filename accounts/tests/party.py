"""An app as it meets the provider: its registration, the request it makes, and the browser of the person it sends."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client as Browser

from accounts import consents
from accounts.models import ClientApp, User
from accounts.oidc import clients

CALLBACK = "https://app.example/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-0123456789"
EVERYTHING = " ".join(consents.SCOPES)


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Party:
    """The app at the other end (a "relying party")."""

    app: ClientApp
    secret: str = field(init=False)

    def __post_init__(self) -> None:
        clients.register(app=self.app, redirect_uris=[CALLBACK], scopes=consents.SCOPES)
        self.secret = clients.issue_secret(app=self.app)

    def request(self, **changes: str | None) -> str:
        """The address it sends a browser to; a change to None leaves a parameter out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.app.slug,
            "redirect_uri": CALLBACK,
            "scope": EVERYTHING,
            "state": "some-state",
            "nonce": "some-nonce",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **changes,
        }
        return f"/oauth/authorize?{urlencode({name: value for name, value in asked.items() if value is not None})}"

    def back(self, browser: Browser, **changes: str | None) -> dict[str, str]:
        """What comes back to the app when the person agrees to everything."""
        url = self.request(**changes)
        answer = browser.get(url)
        if answer.status_code == 200 and b'value="allow"' in answer.content:
            answer = browser.post(url, {"answer": "allow"})
        return parameters(answer)

    def code(self, browser: Browser, **changes: str | None) -> str:
        return self.back(browser, **changes)["code"]

    def exchange(self, shown: str, **changes: str | None) -> Any:
        body = {"grant_type": "authorization_code", "code": shown, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.post("/oauth/token", {**body, **changes})

    def refresh(self, token: str, **changes: str | None) -> Any:
        return self.post("/oauth/token", {"grant_type": "refresh_token", "refresh_token": token, **changes})

    def post(self, path: str, body: dict[str, str | None]) -> Any:
        """A form from the app's server, with its secret."""
        sent = {"client_id": self.app.slug, "client_secret": self.secret, **body}
        form = urlencode({name: value for name, value in sent.items() if value is not None})
        return Browser(raise_request_exception=False).post(path, form, content_type=FORM)

    def tokens(self, user: User, **changes: str | None) -> dict[str, Any]:
        """The tokens of a whole sign-in."""
        browser = Browser()
        browser.force_login(user)
        answer = self.exchange(self.code(browser, **changes))
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found


FORM = "application/x-www-form-urlencoded"


def destination(answer: Any) -> str:
    """Where a browser goes next: by a redirect, or by the page that leads on."""
    if answer.status_code == 302:
        return str(answer["Location"])
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode())
    assert found, answer.content
    return unescape(found[1])


def parameters(answer: Any) -> dict[str, str]:
    """What the app is told there."""
    url = destination(answer)
    assert url.startswith(CALLBACK), url
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
