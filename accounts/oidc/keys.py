"""The key that signs ID tokens: made when first needed, kept in the database, so that every process signs with it."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from accounts.models import SigningKey
from accounts.sealing import derived, seal, unseal

BITS = 2048
PURPOSE = "accounts.oidc.keys"


def signing_key() -> str:
    """The private key in PEM. It lies encrypted under SECRET_KEY: with another SECRET_KEY there is another key."""
    name = derived(PURPOSE, "name").hex()[:32]
    row = SigningKey.objects.filter(name=name).first()
    if row is None:
        made = seal(_generate().decode(), PURPOSE)
        # Of two processes that start at once the second takes the first one's.
        row, _ = SigningKey.objects.get_or_create(name=name, defaults={"sealed": made})
    return unseal(row.sealed, PURPOSE)


def _generate() -> bytes:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=BITS)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
