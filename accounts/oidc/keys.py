"""The key that signs ID tokens: made when first needed, kept in the database, so that every process signs with it."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils.crypto import salted_hmac

from accounts.models import SigningKey

BITS = 2048


def signing_key() -> str:
    """The private key in PEM. It lies encrypted under SECRET_KEY: with another SECRET_KEY there is another key."""
    name = _derived("name").hex()[:32]
    row = SigningKey.objects.filter(name=name).first()
    if row is None:
        made = _box().encrypt(_generate()).decode()
        # Of two processes that start at once the second takes the first one's.
        row, _ = SigningKey.objects.get_or_create(name=name, defaults={"sealed": made})
    return _box().decrypt(row.sealed.encode()).decode()


def _generate() -> bytes:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=BITS)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived("seal")))


def _derived(purpose: str) -> bytes:
    return salted_hmac("accounts.oidc.keys", purpose, algorithm="sha256").digest()
