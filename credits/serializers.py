"""What the ledger's endpoints take and show."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.serializers import (
    Amount,
    Choice,
    PageQuery,
    QuerySerializer,
    StrictBoolean,
    StrictDateTime,
    StrictSerializer,
    TagList,
    Text,
    UserIdField,
    WholeNumber,
)
from credits.models import DEFAULT_PRIORITY, MAX_PRIORITY, Allocation, Entry, EntryType, Hold
from credits.services.holds import DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS


class AppNameField(Text):
    """The calling app; it must be the key's own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 40, "help_text": "The calling app; it must be the key's own.", **kwargs})


class ProjectCodeField(Text):
    """A six-character project code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 6, "min_length": 6, **kwargs})


class PriceTerms(StrictSerializer):
    """How much to take: an `amount`, or an `operation` and its `quantity` by the price book."""

    amount = Amount(required=False, help_text="Credits.")
    operation = Text(max_length=60, required=False, help_text="An operation of the price book.")
    quantity = Amount(required=False, help_text="Units of the operation; 1 when left out.")

    amount_required = True

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = ("amount" in attrs, "operation" in attrs)
        if all(given):
            raise ValidationError({"operation": "Give either an amount or an operation, not both."})
        if self.amount_required and not any(given):
            raise ValidationError({"amount": "Give an amount, or an operation with its quantity."}, code="required")
        if "quantity" in attrs and "operation" not in attrs:
            raise ValidationError({"quantity": "A quantity goes with an operation."})
        return attrs


class ChargeSerializer(PriceTerms):
    user_id = UserIdField()
    app_name = AppNameField()
    description = Text(max_length=500, min_length=0, default="")
    project_code = ProjectCodeField(required=False)


class HoldSerializer(PriceTerms):
    user_id = UserIdField()
    app_name = AppNameField()
    description = Text(max_length=500, min_length=0, default="")
    storage_bytes = WholeNumber(min_value=0, max_value=1_073_741_824, default=0)
    ttl_seconds = WholeNumber(min_value=1, max_value=MAX_TTL_SECONDS, default=DEFAULT_TTL_SECONDS)


class CaptureSerializer(StrictSerializer):
    user_id = UserIdField()
    amount = Amount(required=False, help_text="Credits; all that is left of the hold when left out.")
    final = StrictBoolean(default=True, help_text="Let what is left of the hold go.")
    description = Text(max_length=500, min_length=0, default="")
    project_code = ProjectCodeField(required=False)


class ReleaseSerializer(StrictSerializer):
    user_id = UserIdField()


class ExtendSerializer(StrictSerializer):
    user_id = UserIdField()
    ttl_seconds = WholeNumber(min_value=1, max_value=MAX_TTL_SECONDS)


class RefundSerializer(StrictSerializer):
    user_id = UserIdField()
    amount = Amount(required=False, help_text="Credits; all that is left of the charge when left out.")
    reason = Text(max_length=500)


class BonusSerializer(StrictSerializer):
    user_id = UserIdField(required=False)
    user_ids = TagList(child=UserIdField(), max_length=1000, min_length=1, required=False)
    all_users = StrictBoolean(
        required=False, help_text="Everybody this app may act for, which may be nobody: then `granted` is 0."
    )
    amount = Amount()
    reason = Text(max_length=500)
    expires_at = StrictDateTime(required=False, help_text="From this moment on they cannot be spent.")
    priority = WholeNumber(
        min_value=0, max_value=MAX_PRIORITY, default=DEFAULT_PRIORITY, help_text="What is lower is spent first."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("all_users") is False:
            raise ValidationError({"all_users": "Leave it out, or say true."})
        if len(attrs.keys() & {"user_id", "user_ids", "all_users"}) != 1:
            raise ValidationError({"user_id": "Give exactly one of user_id, user_ids and all_users."})
        return attrs


class UserQuery(QuerySerializer):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")


class PriceQuery(QuerySerializer):
    user_id = UserIdField(required=False, help_text="May be left out: prices are the same for everybody.")


class TransactionQuery(PageQuery):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    app_name = Text(max_length=40, required=False)
    transaction_type = Choice(choices=EntryType.choices, required=False)
    project_code = ProjectCodeField(required=False)
    created_after = StrictDateTime(required=False)
    created_before = StrictDateTime(required=False)


class ExpiringSerializer(serializers.Serializer[Any]):
    """Credits that cannot be spent any more from `expires_at` on."""

    amount = serializers.IntegerField()
    expires_at = serializers.DateTimeField()


class DrawSerializer(serializers.ModelSerializer[Allocation]):
    """A part of a transaction: credits that came in together, which it drew on (negative) or added to."""

    source = serializers.CharField(source="grant.source")  # type: ignore[assignment] # not Field.source
    granted_at = serializers.DateTimeField(source="grant.created_at")
    expires_at = serializers.DateTimeField(source="grant.expires_at", allow_null=True)

    class Meta:
        model = Allocation
        fields: ClassVar[tuple[str, ...]] = ("amount", "source", "granted_at", "expires_at")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class EntrySerializer(serializers.ModelSerializer[Entry]):
    """A transaction: `amount` is signed, used credits are negative."""

    transaction_id = serializers.CharField(source="id")
    user_id = serializers.CharField(source="wallet.user.user_id")
    app_name = serializers.CharField(help_text="The app that acted, or `unified`.")
    related_transaction_id = serializers.CharField(source="related_id", allow_null=True)
    hold_id = serializers.CharField(allow_null=True)
    project_code = serializers.SerializerMethodField()
    grants = DrawSerializer(source="allocations", many=True, help_text="Which credits it moved; together its amount.")

    class Meta:
        model = Entry
        fields: ClassVar[tuple[str, ...]] = (
            "transaction_id",
            "user_id",
            "app_name",
            "transaction_type",
            "amount",
            "balance_after",
            "description",
            "project_code",
            "related_transaction_id",
            "hold_id",
            "created_at",
            "grants",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields

    def get_project_code(self, entry: Entry) -> str | None:
        return entry.project_code or None


class RefundReceiptSerializer(EntrySerializer):
    """The refund's transaction, and the wallet after it."""

    credits = serializers.IntegerField(help_text="Credits that can be spent now.")
    credits_balance = serializers.IntegerField()
    credits_held = serializers.IntegerField()

    class Meta(EntrySerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*EntrySerializer.Meta.fields, "credits", "credits_balance", "credits_held")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class ReceiptSerializer(serializers.Serializer[Any]):
    """What a charge answers: the credits taken, and the wallet after it."""

    transaction_id = serializers.CharField()
    amount = serializers.IntegerField(help_text="Credits taken, positive.")
    credits = serializers.IntegerField(help_text="Credits that can be spent now.")
    credits_balance = serializers.IntegerField()
    credits_held = serializers.IntegerField()


class HoldStateSerializer(serializers.ModelSerializer[Hold]):
    hold_id = serializers.CharField(source="id")
    app_name = serializers.CharField(source="app.slug")

    class Meta:
        model = Hold
        fields: ClassVar[tuple[str, ...]] = (
            "hold_id",
            "app_name",
            "amount",
            "captured",
            "storage_bytes",
            "status",
            "description",
            "expires_at",
            "created_at",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class SettledHoldSerializer(HoldStateSerializer):
    """A hold and the wallet after the call; a capture adds what it charged."""

    credits = serializers.IntegerField(help_text="Credits that can be spent now.")
    credits_balance = serializers.IntegerField()
    credits_held = serializers.IntegerField()
    transaction_id = serializers.CharField(required=False)
    charged = serializers.IntegerField(required=False, help_text="Credits taken by this capture.")

    class Meta(HoldStateSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (
            *HoldStateSerializer.Meta.fields,
            "credits",
            "credits_balance",
            "credits_held",
            "transaction_id",
            "charged",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class SummarySerializer(serializers.Serializer[Any]):
    granted = serializers.IntegerField()
    purchased = serializers.IntegerField()
    used = serializers.IntegerField(help_text="Charges less refunds.")
    refunded = serializers.IntegerField(help_text="What came back of charges; `used` is without it.")
    expired = serializers.IntegerField()
    adjusted = serializers.IntegerField()
    by_app = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))


@extend_schema_serializer(many=False)
class TransactionPageSerializer(serializers.Serializer[Any]):
    results = EntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    summary = SummarySerializer()


class PriceSerializer(serializers.Serializer[Any]):
    app = serializers.CharField(allow_null=True)
    operation = serializers.CharField()
    unit = serializers.CharField()
    credits = serializers.IntegerField(help_text="Credits per unit.")


@extend_schema_serializer(many=False)
class PriceListSerializer(serializers.Serializer[Any]):
    results = PriceSerializer(many=True)


class GrantedSerializer(serializers.Serializer[Any]):
    user_id = serializers.CharField()
    transaction_id = serializers.CharField()
    credits = serializers.IntegerField(help_text="Credits that can be spent now.")


class BonusAnswerSerializer(serializers.Serializer[Any]):
    granted = serializers.IntegerField(help_text="How many users got the credits.")
    amount = serializers.IntegerField()
    results = GrantedSerializer(many=True)
