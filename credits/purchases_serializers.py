"""What buying credits takes and shows."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.serializers import PageQuery, QuerySerializer, StrictSerializer, Text, UserIdField
from credits.models import Package, Purchase

PURCHASE_FIELDS = (
    "purchase_id",
    "user_id",
    "app_name",
    "package_id",
    "name",
    "credits",
    "price_amount",
    "currency",
    "livemode",
    "status",
    "transaction_id",
    "refunded_amount",
    "reversed_credits",
    "receipt_url",
    "created_at",
    "completed_at",
)


class PackageQuery(QuerySerializer):
    user_id = UserIdField(required=False, help_text="May be left out: packages are the same for everybody.")


class PackageSerializer(serializers.ModelSerializer[Package]):
    price_amount = serializers.IntegerField(help_text="In the smallest unit of the currency: 500 is 5.00 USD.")

    class Meta:
        model = Package
        fields = ("package_id", "name", "credits", "price_amount", "currency")


@extend_schema_serializer(many=False)
class PackageListSerializer(serializers.Serializer[Any]):
    results = PackageSerializer(many=True)
    on_sale = serializers.BooleanField(help_text="Whether `checkout` works: a payment provider is set up.")


class CheckoutSerializer(StrictSerializer):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    package_id = Text(max_length=40, help_text="One of `packages`.")


class PurchaseQuery(PageQuery):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")


class PurchaseSerializer(serializers.ModelSerializer[Purchase]):
    purchase_id = serializers.CharField(source="id")
    user_id = serializers.CharField(source="wallet.user.user_id")
    app_name = serializers.CharField(source="app.slug", default=None, allow_null=True, help_text="Which app asked.")
    package_id = serializers.CharField(source="package.package_id")
    transaction_id = serializers.CharField(
        source="entry_id", allow_null=True, help_text="The transaction that brought the credits."
    )
    price_amount = serializers.IntegerField(help_text="In the smallest unit of the currency: 500 is 5.00 USD.")
    refunded_amount = serializers.IntegerField(help_text="Money that went back, in the same unit.")
    reversed_credits = serializers.IntegerField(help_text="Credits taken back because money went back.")
    receipt_url = serializers.CharField(help_text="The payment provider's receipt; empty while there is none.")

    class Meta:
        model = Purchase
        fields = PURCHASE_FIELDS


class CheckoutAnswerSerializer(PurchaseSerializer):
    checkout_url = serializers.CharField(help_text="Where the person pays. Send their browser there.")
    expires_at = serializers.DateTimeField(help_text="Until when the page can be paid.")

    class Meta:
        model = Purchase
        fields = (*PURCHASE_FIELDS, "checkout_url", "expires_at")


@extend_schema_serializer(many=False)
class PurchasePageSerializer(serializers.Serializer[Any]):
    results = PurchaseSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class EventReceiptSerializer(serializers.Serializer[Any]):
    received = serializers.BooleanField()
    outcome = serializers.ChoiceField(choices=["done", "ignored"])
