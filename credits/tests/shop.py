"""A shop that is open: settings of a payment provider, a server that answers like Stripe's, and its signed events."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
from django.test import Client
from django.utils import timezone

from accounts.models import User
from credits import services
from credits.models import Purchase

SECRET = "whsec_for_tests_only"
WEBHOOK = "/api/unified/stripe/webhook"
_numbers = count(1)


class FakeStripe(ThreadingHTTPServer):
    """Checkout sessions as Stripe makes them: once per Idempotency-Key. `fail_with` has it answer that instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.calls: list[dict[str, str]] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.fail_with = 0

    def answer(self, key: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.calls.append(form)
        if self.fail_with:
            return self.fail_with, {"error": {"type": "api_error", "message": "Not today."}}
        if key not in self.keys:
            name = f"cs_test_{next(_numbers)}"
            url = f"{self.base}/pay/{name}"
            self.keys[key] = {"id": name, "object": "checkout.session", "url": url}
        return 200, self.keys[key]


class _Handler(BaseHTTPRequestHandler):
    server: FakeStripe

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        known = self.path == "/v1/checkout/sessions" and self.headers["Authorization"].startswith("Bearer sk_test_")
        status, body = self.server.answer(self.headers["Idempotency-Key"], form) if known else (404, {})
        self._send(status, "application/json", json.dumps(body).encode())

    def do_GET(self) -> None:
        page = b"<!doctype html><html lang=en><title>Pay</title><h1>Pay here</h1></html>"
        self._send(200, "text/html", page)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeStripe]:
    """The payment provider's server."""
    server = FakeStripe()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def known_to(server: FakeStripe) -> dict[str, str]:
    """The environment of a product that sells with this provider."""
    return {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": server.base}


@pytest.fixture
def shop(provider: FakeStripe, settings: Any, monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    """Payments are on, here and in servers started meanwhile, with a provider at hand."""
    provider.calls, provider.keys, provider.fail_with = [], {}, 0
    for name, value in known_to(provider).items():
        setattr(settings, name, value)
        monkeypatch.setenv(name, value)
    return provider


def ordered(user: User) -> Purchase:
    """A purchase whose payment page is open."""
    return services.checkout(user=user, package_id="starter")


def event(kind: str, thing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An event as Stripe tells it."""
    made = {
        "id": f"evt_{next(_numbers)}",
        "object": "event",
        "type": kind,
        "created": int(timezone.now().timestamp()),
        "livemode": False,
        "data": {"object": thing},
    }
    return {**made, **changes}


def paid(purchase: Purchase, **changes: Any) -> dict[str, Any]:
    """The event that says that a purchase is paid; `changes` are of its session."""
    session = {
        "id": purchase.session_id,
        "object": "checkout.session",
        "client_reference_id": purchase.pk,
        "metadata": {"purchase_id": purchase.pk},
        "payment_status": "paid",
        "payment_intent": f"pi_{purchase.pk}",
        "amount_total": purchase.price_amount,
        "currency": purchase.currency,
    }
    return event("checkout.session.completed", {**session, **changes})


def refunded(purchase: Purchase, amount: int, **changes: Any) -> dict[str, Any]:
    """The event that says that so much of a purchase's money went back until now."""
    charge = {"id": "ch_1", "object": "charge", "payment_intent": f"pi_{purchase.pk}", "currency": purchase.currency}
    words = {"metadata": {"purchase_id": purchase.pk}}
    return event("charge.refunded", {**charge, **words, "amount_refunded": amount, **changes})


def disputed(purchase: Purchase, status: str, **changes: Any) -> dict[str, Any]:
    """The event that says how a dispute about a purchase stands."""
    dispute = {"id": "dp_1", "object": "dispute", "payment_intent": f"pi_{purchase.pk}", "currency": purchase.currency}
    return event("charge.dispute.updated", {**dispute, "status": status}, **changes)


def signed(payload: str, secret: str = SECRET, at: int | None = None) -> str:
    """The Stripe-Signature header of a body."""
    return stripe.WebhookSignature.generate_signature_header(payload, secret, at)


def tell(told: dict[str, Any], *, secret: str = SECRET, at: int | None = None, body: str = "") -> Any:
    """Call the webhook as Stripe does; `body` instead of what was signed."""
    payload = json.dumps(told)
    headers = {"Stripe-Signature": signed(payload, secret, at)}
    return Client().post(WEBHOOK, body or payload, content_type="application/json", headers=headers)


def tell_site(base: str, told: dict[str, Any]) -> int:
    """The same over the wire, to the product at `base`."""
    payload = json.dumps(told)
    headers = {"Stripe-Signature": signed(payload), "Content-Type": "application/json"}
    request = urllib.request.Request(base + WEBHOOK, payload.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)
