"""What a batch of charges takes and shows."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.serializers import IdempotencyKey, StrictBoolean, StrictSerializer
from credits.serializers import ChargeSerializer
from credits.services.batches import MAX_CHARGES


class BatchChargeSerializer(ChargeSerializer):
    key = IdempotencyKey(help_text="Names this charge: once per app, for ever.")


class BatchSerializer(StrictSerializer):
    charges = serializers.ListField(child=BatchChargeSerializer(), min_length=1, max_length=MAX_CHARGES)
    atomic = StrictBoolean(default=False, help_text="All of them or none.")


class ChargeResultSerializer(serializers.Serializer[Any]):
    """What became of one charge of a batch: the receipt, or the code and the facts of the refusal."""

    key = serializers.CharField()
    status = serializers.IntegerField(help_text="As the HTTP status of `deduct-credits` for this charge alone.")
    replayed = serializers.BooleanField(required=False, help_text="True when this key had been answered before.")
    transaction_id = serializers.CharField(required=False)
    amount = serializers.IntegerField(required=False, help_text="Credits taken, positive.")
    credits = serializers.IntegerField(required=False, help_text="Credits that could be spent after this charge.")
    credits_balance = serializers.IntegerField(required=False)
    credits_held = serializers.IntegerField(required=False)
    code = serializers.CharField(required=False, help_text="Of a refusal: its problem code.")
    detail = serializers.CharField(required=False)
    required = serializers.IntegerField(  # type: ignore[assignment] # not Field.required
        required=False, help_text="Credits the charge needs."
    )
    shortfall = serializers.IntegerField(required=False)
    top_up_url = serializers.URLField(required=False)
    daily_cap = serializers.IntegerField(required=False)
    spent_today = serializers.IntegerField(required=False)
    app = serializers.CharField(required=False, help_text="The app whose key was sent.")
    errors = serializers.ListField(  # type: ignore[assignment] # not Serializer.errors
        required=False, child=serializers.DictField(child=serializers.CharField())
    )


@extend_schema_serializer(many=False)
class BatchAnswerSerializer(serializers.Serializer[Any]):
    results = ChargeResultSerializer(many=True, help_text="One for each charge, in their order.")
