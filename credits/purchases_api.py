"""Buying credits: what is on offer, the payment page, what was bought, and the payment provider's webhook."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar, cast

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from accounts import api, walls
from accounts.errors import InvalidField
from credits import payments, services
from credits.models import Package, Purchase
from credits.purchases_serializers import (
    CheckoutAnswerSerializer,
    CheckoutSerializer,
    EventReceiptSerializer,
    PackageListSerializer,
    PackageQuery,
    PackageSerializer,
    PurchasePageSerializer,
    PurchaseQuery,
    PurchaseSerializer,
)

SHOWN = ("wallet__user", "app", "package")
MAX_EVENT_BYTES = 1_048_576


class PackageViewSet(ViewSet):
    """What is on offer."""

    scopes: ClassVar = {"list": "credits:read"}
    browser_actions: ClassVar = frozenset({"list"})

    @extend_schema(
        operation_id="packages",
        summary="Credit packages on offer",
        parameters=[PackageQuery],
        responses={200: PackageListSerializer},
    )
    def list(self, request: Request) -> Response:
        PackageQuery.parse(request)
        offered = Package.objects.filter(is_active=True)
        return Response({"results": PackageSerializer(offered, many=True).data, "on_sale": payments.on_sale()})


class PurchaseViewSet(GenericViewSet[Purchase]):
    """A person's purchases."""

    scopes: ClassVar = {"list": "credits:read", "create": "credits:charge"}
    browser_actions: ClassVar = frozenset({"list", "create"})
    ordering_fields: ClassVar = {"created_at": "created_at"}
    default_ordering = "-created_at"
    queryset = Purchase.objects.none()

    @extend_schema(
        operation_id="purchases",
        summary="List purchases, newest first",
        parameters=[PurchaseQuery],
        responses={200: PurchasePageSerializer},
    )
    def list(self, request: Request) -> Response:
        user = api.subject(request, PurchaseQuery.parse(request).get("user_id"))
        page = self.paginate_queryset(Purchase.objects.owned_by(user).select_related(*SHOWN))
        return self.get_paginated_response(PurchaseSerializer(page, many=True).data)

    @extend_schema(
        operation_id="checkout",
        summary="Open a payment page for a package",
        request=CheckoutSerializer,
        responses={201: CheckoutAnswerSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(CheckoutSerializer, request)
        user, app = api.subject(request, data.get("user_id")), api.app_or_owner(request)

        def page() -> Purchase:
            return services.checkout(user=user, package_id=data["package_id"], app=app)

        return api.write(request, "checkout", lambda made: (201, shown(made)), prepare=page)


def shown(purchase: Purchase) -> dict[str, Any]:
    """A purchase as `checkout` answers it, with where to pay."""
    return api.shown(CheckoutAnswerSerializer, Purchase.objects.select_related(*SHOWN).get(pk=purchase.pk))


class RawParser(BaseParser):
    """The body as it came: what was signed are its bytes."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        raw = stream.read(MAX_EVENT_BYTES + 1)
        if len(raw) > MAX_EVENT_BYTES:
            raise InvalidField("body", f"An event has at most {MAX_EVENT_BYTES:,} bytes.", "too_large")
        return {"raw": raw}


class PaymentWebhookViewSet(ViewSet):
    """What the payment provider tells us. Whoever calls proves with a signature that they are the provider."""

    signature_scheme: ClassVar = "stripeSignature"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = (RawParser,)

    @extend_schema(
        operation_id="stripe_webhook",
        summary="Stripe's webhook: for Stripe alone",
        request={"application/json": {"type": "object", "description": "An event, signed in `Stripe-Signature`."}},
        responses={200: EventReceiptSerializer},
    )
    def create(self, request: Request) -> Response:
        event = payments.proven(
            cast(dict[str, bytes], request.data).get("raw", b""), request.headers.get("Stripe-Signature", "")
        )
        # An event names its purchase, and the purchase whose wallet it is.
        with walls.everyone():
            ours = services.take_event(event=event)
        return Response({"received": True, "outcome": "done" if ours else "ignored"})
