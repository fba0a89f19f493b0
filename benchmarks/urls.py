"""Every route of the product, and the endpoint that does all of a charge but the writing."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts import api
from credits.api import ChargeViewSet
from credits.serializers import ChargeSerializer
from unified.urls import handler400, handler403, handler404, handler500, route
from unified.urls import urlpatterns as product

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

RECEIPT = {"transaction_id": "txn_" + 26 * "0", "amount": 1, "credits": 59, "credits_balance": 59, "credits_held": 0}


class NoWriteViewSet(ChargeViewSet):
    """A charge up to the moment it would be written: key, strict body, whom the app acts for, answer."""

    @extend_schema(exclude=True)
    def create(self, request: Request) -> HttpResponse:
        data: dict[str, Any] = api.body(ChargeSerializer, request)
        api.same_app(request, data.pop("app_name"))
        api.subject(request, data.pop("user_id"))
        return api.write(request, "no-write", lambda _: (200, RECEIPT))


urlpatterns = [route("api/unified/no-write", NoWriteViewSet, post="create"), *product]
