"""The payment provider: Stripe's hosted payment page, and the words of its webhook once they are proven to be its.

Nothing here touches the wallet, and nothing here runs inside a transaction."""

import json
from dataclasses import dataclass
from typing import Any

import stripe
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from credits.models import Purchase

# Seconds to connect, and to wait for an answer: a person is waiting for the page.
TIMEOUT_SECONDS = (4, 15)
RETRIES = 1
_TOLERANCE_SECONDS = stripe.Webhook.DEFAULT_TOLERANCE


class PaymentsOff(DomainError):
    """No payment provider is set up."""

    code = "payments_off"
    status = 503
    title = "Payments are off"


class PaymentProviderUnavailable(DomainError):
    """The provider did not answer, or not as it should. Nothing was paid."""

    code = "payment_provider_unavailable"
    status = 503
    title = "Payment provider unavailable"


class InvalidSignature(DomainError):
    """A webhook call that the provider did not sign, or signed too long ago."""

    code = "invalid_signature"
    status = 400
    title = "Invalid signature"


@dataclass(frozen=True, slots=True)
class Session:
    """A payment page: its id at the provider, and where it is."""

    id: str
    url: str


def on_sale() -> bool:
    """Whether credits can be bought: without the webhook's secret a payment would never arrive here."""
    return bool(settings.STRIPE_SECRET_KEY and settings.STRIPE_WEBHOOK_SECRET)


def livemode() -> bool:
    """Whether our key moves real money."""
    return "_live_" in settings.STRIPE_SECRET_KEY


def open_session(purchase: Purchase) -> Session:
    """A payment page for `purchase`; the same one when asked again. Raises PaymentProviderUnavailable."""
    try:
        made = _client().v1.checkout.sessions.create(_terms(purchase), {"idempotency_key": purchase.id})
    except stripe.StripeError as error:
        raise _unavailable() from error
    try:
        return Session(str(made["id"]), _safe(made["url"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unavailable() from error


def _unavailable() -> PaymentProviderUnavailable:
    return PaymentProviderUnavailable(
        _("The payment page could not be opened. Nothing was paid."), headers={"Retry-After": "30"}
    )


def _client() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        max_network_retries=RETRIES,
    )


def _terms(purchase: Purchase) -> Any:
    said = {"purchase_id": purchase.id, "user_id": purchase.wallet.user.user_id}
    page = f"{settings.PUBLIC_URL}/credits/"
    assert purchase.expires_at is not None
    return {
        "mode": "payment",
        "expires_at": int(purchase.expires_at.timestamp()),
        "client_reference_id": purchase.id,
        "customer_email": purchase.wallet.user.email,
        "metadata": said,
        # The payment and its charge carry them, too: a refund is told of by the charge.
        "payment_intent_data": {"metadata": said, "description": purchase.name},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": purchase.currency,
                    "unit_amount": purchase.price_amount,
                    "product_data": {"name": f"{purchase.name}: {purchase.credits:,} credits"},
                },
            }
        ],
        "success_url": f"{page}?purchase={purchase.id}",
        "cancel_url": f"{page}#buy",
    }


def _safe(url: Any) -> str:
    """The address of a payment page, which a browser is about to be sent to."""
    if not isinstance(url, str) or not url.startswith(("https://", f"{settings.STRIPE_API_BASE}/")):
        raise ValueError("not a payment page")
    return url


def proven(payload: bytes, signature: str) -> dict[str, Any]:
    """The event that a webhook call brings, once its signature is seen to be the provider's and at most five minutes
    old. Raises PaymentsOff without the secret, and InvalidSignature."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise PaymentsOff("This installation has no STRIPE_WEBHOOK_SECRET.", headers={"Retry-After": "3600"})
    try:
        text = payload.decode()
        stripe.WebhookSignature.verify_header(text, signature, settings.STRIPE_WEBHOOK_SECRET, _TOLERANCE_SECONDS)
        event = json.loads(text)
    except (ValueError, TypeError, RecursionError, stripe.SignatureVerificationError):
        # Without the cause, which carries the whole body.
        raise InvalidSignature("The Stripe-Signature header does not prove who sent this, or when.") from None
    if not isinstance(event, dict):
        raise InvalidSignature("The body is not an event.")
    return event
