"""Sign in with Unified, from an app's side: OpenID Connect with the authorization code flow and PKCE.

PyJWT checks the ID token's signature and times. Nothing in this file is ImageGene's: take it along."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

TIMEOUT_SECONDS = 20
SCOPES = "openid profile email credits:read credits:charge workspace:write"


class SignInFailed(Exception):
    """The person did not come back as who they left; the sentence is for the log, not for them."""


@dataclass(frozen=True)
class Attempt:
    """What the app remembers, in the browser's session, between sending a person away and their coming back."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Person:
    """Who signed in, and the tokens to act for them."""

    user_id: str
    name: str
    access_token: str
    refresh_token: str


class UnifiedSignIn:
    """One registration at one Unified: `issuer` is its address, `redirect_uri` letter by letter as staff entered it."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self.issuer, self._redirect_uri = issuer.rstrip("/"), redirect_uri
        self._credentials = {"client_id": client_id, "client_secret": client_secret}
        self._client_id = client_id
        self._found = _fetch(f"{self.issuer}/.well-known/openid-configuration")
        if self._found.get("issuer") != self.issuer:
            raise SignInFailed(f"{self.issuer} says it is {self._found.get('issuer')}.")

    def address(self, attempt: Attempt) -> str:
        """Where to send the person's browser."""
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._found['authorization_endpoint']}?{urlencode(asked)}"

    def welcome(self, attempt: Attempt, came_back: dict[str, str]) -> Person:
        """Who the person is that came back with these parameters. Raises SignInFailed."""
        if not hmac.compare_digest(came_back.get("state", "").encode(), attempt.state.encode()):
            raise SignInFailed("The state is another's.")
        if came_back.get("iss") != self.issuer:
            raise SignInFailed("The answer is another provider's.")
        if "code" not in came_back:
            raise SignInFailed(came_back.get("error", "no code"))
        form = {"code": came_back["code"], "redirect_uri": self._redirect_uri, "code_verifier": attempt.verifier}
        tokens = self._tokens({"grant_type": "authorization_code", **form})
        claims = self._checked(tokens["id_token"], attempt.nonce)
        name = str(claims.get("name") or claims["sub"])
        return Person(claims["sub"], name, tokens["access_token"], tokens["refresh_token"])

    def refresh(self, person: Person) -> None:
        """Give the person new tokens; each refresh token works once. Raises SignInFailed: they must sign in anew."""
        tokens = self._tokens({"grant_type": "refresh_token", "refresh_token": person.refresh_token})
        person.access_token, person.refresh_token = tokens["access_token"], tokens["refresh_token"]

    def sign_out(self, person: Person) -> None:
        """End this sign-in's tokens at Unified."""
        _fetch(self._found["revocation_endpoint"], {"token": person.refresh_token, **self._credentials})

    def _tokens(self, form: dict[str, str]) -> dict[str, Any]:
        return _fetch(self._found["token_endpoint"], {**form, **self._credentials})

    def _checked(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that Unified made, for this app, now, and for this very attempt."""
        try:
            published = jwt.PyJWKSet.from_dict(_fetch(self._found["jwks_uri"]))
            key = published[jwt.get_unverified_header(id_token)["kid"]]
            required = ["iss", "sub", "aud", "exp", "iat", "nonce"]
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=["RS256"],
                audience=self._client_id,
                issuer=self.issuer,
                leeway=30,
                options={"require": required},
            )
        except (jwt.PyJWTError, KeyError) as fault:
            raise SignInFailed(f"The ID token is not good: {fault}") from None
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise SignInFailed("The ID token is of another attempt.")
        return claims


def _fetch(url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """A JSON object by GET, or by POST of a form; no redirect is followed. Raises SignInFailed."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        connection.request("POST" if form else "GET", parts.path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        body = answer.read(1_000_000)
    except OSError as fault:
        raise SignInFailed(f"{parts.netloc} does not answer: {fault}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise SignInFailed(f"{parts.path} answered {answer.status}: {body[:200]!r}")
    said: dict[str, Any] = json.loads(body) if body else {}
    return said
