"""Checking that a webhook came from Unified: a signature after Standard Webhooks, and not an old one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

TOLERANCE_SECONDS = 300


class InvalidWebhook(Exception):
    """Not from Unified, changed on its way, or too old or new to be believed: answer 400 and do nothing."""


def verify_webhook(
    body: bytes, headers: Mapping[str, str], secret: str | Sequence[str], *, tolerance: float = TOLERANCE_SECONDS
) -> dict[str, Any]:
    """The event that was sent. Raises InvalidWebhook.

    `body` must be the very bytes that came, `secret` the `whsec_…` of the webhook, or several while one replaces
    another; `tolerance` is how many seconds the message's time may differ from ours. The same event may come more than
    once: its `webhook-id` header is then the same.
    """
    given = {name.lower(): value for name, value in headers.items()}
    name, at, signatures = (given.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    if not at.isascii() or not at.isdigit() or len(at) > 12 or abs(time.time() - int(at)) > tolerance:
        raise InvalidWebhook("The message has no time, or one too far from now.")
    secrets = [secret] if isinstance(secret, str) else list(secret)
    signed = f"{name}.{at}.".encode() + body
    expected = [f"v1,{_signature(one, signed)}".encode() for one in secrets]
    sent = [one.encode() for one in signatures.split(" ")]
    if not name or not any(hmac.compare_digest(one, other) for one in expected for other in sent):
        raise InvalidWebhook("The signature is not ours.")
    event: dict[str, Any] = json.loads(body)
    return event


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
