"""What tests of signing in share: a person with a password, codes out of mails and apps, and what is told apart."""

import re

import argon2
import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts import addresses
from accounts.models import User

PASSWORD = "correct horse battery staple"
LOGIN = "/accounts/login/"


def claimed(user: User, password: str = PASSWORD) -> User:
    """The person with a proved address and a password."""
    user.set_password(password)
    user.save()
    addresses.vouch_for(user)
    return user


def sign_in(client: Client, user: User, password: str = PASSWORD, path: str = LOGIN):
    return client.post(path, {"login": user.email, "password": password})


def confirm(client: Client, password: str = PASSWORD):
    """Say once more who one is, as is asked before something is changed."""
    return client.post("/accounts/reauthenticate/", {"password": password})


def signed_in_as(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def mailed_code() -> str:
    """The code of the last mail."""
    found = re.search(r"^[A-Z]{4}-[A-Z]{4}$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[0]


def app_code(secret: str, at: float) -> str:
    """What an authenticator app shows at a moment."""
    return format_hotp_value(hotp_value(secret, int(at) // 30))


def without_tokens(html: str) -> str:
    """A page as it reads, without what is new in each answer."""
    return re.sub(r'(csrfmiddlewaretoken" value=)"[^"]*"', r"\1", html)


@pytest.fixture
def uncounted():
    """Rate limits start from nothing."""
    cache.clear()


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Notes each time Argon2 does its work."""
    noted: list[str] = []

    def watch(module, name):
        real = getattr(module, name)

        def work(*arguments, **keywords):
            noted.append(name)
            return real(*arguments, **keywords)

        monkeypatch.setattr(module, name, work)

    # Where Django's hasher calls the one and argon2's own hasher the other.
    watch(argon2.low_level, "hash_secret")
    watch(argon2._password_hasher, "verify_secret")
    return noted
