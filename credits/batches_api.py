"""`deduct-credits/batch`: many charges in one call."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts import api, idempotency
from accounts import services as accounts
from accounts.errors import AppMismatch
from accounts.models import ClientApp, User
from credits import services
from credits.batches_serializers import BatchAnswerSerializer, BatchSerializer


class BatchViewSet(ViewSet):
    """Taking credits for much work at once."""

    scopes: ClassVar = {"create": "credits:charge"}

    @extend_schema(
        operation_id="deduct_credits_batch",
        summary="Charge up to 1,000 times at once",
        request=BatchSerializer,
        responses={200: BatchAnswerSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(BatchSerializer, request)
        app = api.calling_app(request)

        def act(orders: Sequence[services.Order]) -> api.Reply:
            outcomes = services.charge_batch(app=app, orders=orders, atomic=data["atomic"])
            return 200, {"results": [result(outcome) for outcome in outcomes]}

        def prepare() -> list[services.Order]:
            sent: Any = request.data
            return orders_of(app, data["charges"], sent["charges"])

        return api.write(request, "deduct-credits/batch", act, prepare=prepare)


def orders_of(app: ClientApp, charges: Sequence[Mapping[str, Any]], sent: Sequence[Any]) -> list[services.Order]:
    """The orders that validated charges are, each with its person or with why the app cannot act for them.

    They are known again by what was sent: what is valid may come to have more defaults."""
    people = accounts.reach_many(app=app, user_ids={charge["user_id"] for charge in charges})
    services.open_wallets(users=[person for person in people.values() if isinstance(person, User)])
    mismatch = AppMismatch("The key belongs to another app than the charge names.", app=app.slug)
    orders = []
    for charge, raw in zip(charges, sent, strict=True):
        terms = dict(charge)
        person = people[terms.pop("user_id")]
        user = person if terms.pop("app_name") == app.slug else mismatch
        orders.append(services.Order(fingerprint=idempotency.fingerprint("charge", raw), user=user, **terms))
    return orders


def result(outcome: services.Outcome) -> dict[str, Any]:
    """What became of one charge of a batch."""
    replayed = {"replayed": True} if outcome.replayed else {}
    return {"key": outcome.key, "status": outcome.status, **replayed, **outcome.answer}
