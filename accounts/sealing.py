"""Secrets that must be read again, encrypted under SECRET_KEY: with another SECRET_KEY they cannot be read."""

import base64

from cryptography.fernet import Fernet
from django.utils.crypto import salted_hmac


def seal(secret: str, purpose: str) -> str:
    """`secret` as it may lie in the database; `purpose` must be the same when it is opened."""
    return _box(purpose).encrypt(secret.encode()).decode()


def unseal(sealed: str, purpose: str) -> str:
    """What was sealed. Raises cryptography.fernet.InvalidToken under another SECRET_KEY or purpose."""
    return _box(purpose).decrypt(sealed.encode()).decode()


def derived(purpose: str, name: str) -> bytes:
    """32 bytes that only SECRET_KEY gives for this purpose and name."""
    return salted_hmac(purpose, name, algorithm="sha256").digest()


def _box(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived(purpose, "seal")))
