"""The headers of Standard Webhooks, and the secrets they are signed with: sealed under SECRET_KEY, shown once."""

import base64
import secrets
from datetime import datetime, timedelta

from standardwebhooks import Webhook

from accounts.models import WebhookEndpoint
from accounts.sealing import seal, unseal

PURPOSE = "accounts.webhooks"
LOST = "the secret cannot be read: SECRET_KEY is another one"
OLD_SECRET_FOR = timedelta(days=1)


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def sealed(secret: str) -> str:
    return seal(secret, PURPOSE)


def headers_of(endpoint: WebhookEndpoint, name: str, body: bytes, now: datetime) -> dict[str, str]:
    """Id, time of this attempt, and a signature by each secret in force. Raises cryptography.fernet.InvalidToken where
    they were sealed under another SECRET_KEY."""
    kept = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > now:
        kept.append(endpoint.old_secret)
    signed = [Webhook(unseal(each, PURPOSE)).sign(name, now, body.decode()) for each in kept]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Unified-Webhooks/1",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signed),
    }
