"""The estimate endpoint: what an operation would cost, or a document by the pages counted in it."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts import api
from accounts.serializers import Amount, StrictSerializer, Text, UserIdField
from credits import pricing
from credits import services as credits
from workspace import documents

_OWN_USER = "The user who would pay. An app may leave it out; a browser session means its own user."


class EstimateSerializer(StrictSerializer):
    user_id = UserIdField(required=False, help_text=_OWN_USER)
    operation = Text(max_length=60, help_text="An operation of the price book.")
    quantity = Amount(default=1, help_text="Units of the operation.")


class FileEstimateSerializer(StrictSerializer):
    """A document whose pages are the quantity."""

    user_id = UserIdField(required=False, help_text=_OWN_USER)
    operation = Text(max_length=60, default="file_processing", help_text="An operation of the price book.")
    file = serializers.FileField(
        allow_empty_file=True,
        help_text="PDF, DOCX, TIFF (its pages), UTF-8 text (1,800 characters a page) or a picture (one page).",
    )


class EstimateAnswerSerializer(serializers.Serializer[Any]):
    pages = serializers.IntegerField(allow_null=True, help_text="Pages counted in the file; null without one.")
    operation = serializers.CharField()
    quantity = serializers.IntegerField()
    credits_required = serializers.IntegerField()
    affordable = serializers.BooleanField(allow_null=True, help_text="null when no user was named.")
    credits = serializers.IntegerField(allow_null=True, help_text="Credits the user can spend now; null likewise.")


class EstimateViewSet(ViewSet):
    """Prices before work begins; nothing is charged, and a file is not kept."""

    scopes: ClassVar = {"create": "credits:read"}
    browser_actions: ClassVar = frozenset({"create"})

    @extend_schema(
        operation_id="estimate",
        summary="What an operation, or processing a document, would cost",
        request={"application/json": EstimateSerializer, "multipart/form-data": FileEstimateSerializer},
        responses={200: EstimateAnswerSerializer},
    )
    def create(self, request: Request) -> Response:
        data = api.body(FileEstimateSerializer if "file" in request.data else EstimateSerializer, request)
        app = api.app_or_owner(request)
        named = "user_id" in data or app is None
        user = api.subject(request, data.get("user_id")) if named else None
        # An operation without a price is refused before a file is looked at.
        pricing.price_of(app=app, operation=data["operation"])
        pages = _pages_of(data["file"]) if "file" in data else None
        quantity = data["quantity"] if pages is None else pages
        required = pricing.quote(app=app, operation=data["operation"], quantity=quantity)
        spendable = None if user is None else credits.wallet_of(user=user).available
        return Response(
            {
                "pages": pages,
                "operation": data["operation"],
                "quantity": quantity,
                "credits_required": required,
                "affordable": None if spendable is None else spendable >= required,
                "credits": spendable,
            }
        )


def _pages_of(file: Any) -> int:
    """One byte more than allowed is read, so that what is too large is refused and never held."""
    return documents.count_pages(file.read(settings.MAX_UPLOAD_BYTES + 1), file.name or "").pages
