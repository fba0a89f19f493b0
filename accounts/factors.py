"""Second factors: whom passkeys are for, and how what they rest on is kept."""

import base64
import ipaddress
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.fernet import Fernet
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.models import User


def _host() -> str:
    """The host passkeys are bound to. An address of this machine can have none, its name can."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return "localhost"
    return host


def origin() -> str:
    """The one origin passkeys work at: PUBLIC_URL, or localhost where that is a loopback address."""
    parts = urlsplit(settings.PUBLIC_URL)
    return f"{parts.scheme}://{_host()}" + (f":{parts.port}" if parts.port else "")


class FactorAdapter(DefaultMFAAdapter):
    """Passkeys belong to PUBLIC_URL whatever a request says, and secrets are kept encrypted."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": _host(), "name": "Unified"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        return {**super().get_public_key_credential_user_entity(user), "display_name": user.username}

    def generate_authenticator_name(self, user: User, type: str) -> str:
        return str(_("Passkey"))

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> Fernet:
    key = salted_hmac("accounts.factors", settings.SECRET_KEY, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def set_up_app(user: User) -> tuple[str, list[str]]:
    """Give a person an authenticator app, as the operator does for the first admin: its key, and recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret, RecoveryCodes.activate(user).get_unused_codes()


def overview(user: User) -> dict[str, Any]:
    """What the account page says: the kinds of factors there are, how many passkeys and unused recovery codes."""
    found = list(Authenticator.objects.filter(user=user))
    codes = [each.wrap() for each in found if each.type == Authenticator.Type.RECOVERY_CODES]
    return {
        "factors": {str(each.type) for each in found},
        "passkeys": sum(each.type == Authenticator.Type.WEBAUTHN for each in found),
        "recovery_codes": sum(len(each.get_unused_codes()) for each in codes),
    }
