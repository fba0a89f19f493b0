"""The ledger's endpoints: charges, transactions, refunds, holds, prices and bonuses."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from accounts import api
from accounts import services as accounts
from accounts.errors import DomainError
from accounts.models import ClientApp, User
from credits import pricing, services, statements
from credits.models import Entry, Hold, Wallet
from credits.serializers import (
    BonusAnswerSerializer,
    BonusSerializer,
    CaptureSerializer,
    ChargeSerializer,
    EntrySerializer,
    ExtendSerializer,
    HoldStateSerializer,
    PriceListSerializer,
    PriceQuery,
    ReceiptSerializer,
    RefundReceiptSerializer,
    RefundSerializer,
    ReleaseSerializer,
    SettledHoldSerializer,
    TransactionPageSerializer,
    TransactionQuery,
    UserQuery,
)

CSV_ROWS_AT_ONCE = 1_000


def balances(wallet: Wallet) -> dict[str, int]:
    """The three numbers of a wallet, in credits."""
    return {"credits": wallet.available, "credits_balance": wallet.balance, "credits_held": wallet.held}


class ChargeViewSet(ViewSet):
    """Taking credits for work done."""

    scopes: ClassVar = {"create": "credits:charge"}
    # A batch is for many people, a token for one.
    token_actions: ClassVar = frozenset({"create"})

    @extend_schema(
        operation_id="deduct_credits",
        summary="Charge credits",
        request=ChargeSerializer,
        responses={200: ReceiptSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(ChargeSerializer, request)
        app = api.same_app(request, data.pop("app_name"))
        user = api.subject(request, data.pop("user_id"))
        return api.write(
            request, "deduct-credits", lambda _: (200, services.receipt(services.charge(user=user, app=app, **data)))
        )


class CSVRenderer(BaseRenderer):
    """Lets a caller ask for text/csv; the view streams it."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return JSONRenderer().render(data)


def as_csv_file(
    view: GenericViewSet[Any], rows: QuerySet[Any], lines: Callable[[Iterable[Any]], Iterator[str]], name: str
) -> StreamingHttpResponse:
    """The list that `view` was asked for as a file: all of it in the order given, or the page that was asked for.

    A page goes on where its Link header says (RFC 8288), since CSV has no place for links."""
    paged = view.request.query_params.keys() & {"limit", "cursor"}
    chosen = view.paginate_queryset(rows) if paged else rows.iterator(CSV_ROWS_AT_ONCE)
    url = getattr(view.paginator, "next_url", None)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        **({"Link": f'<{url}>; rel="next"'} if url else {}),
    }
    return StreamingHttpResponse(lines(chosen or ()), content_type="text/csv; charset=utf-8", headers=headers)


class TransactionViewSet(GenericViewSet[Entry]):
    """The history of a wallet."""

    scopes: ClassVar = {"list": "credits:read"}
    browser_actions: ClassVar = frozenset({"list"})
    renderer_classes = (JSONRenderer, CSVRenderer)
    ordering_fields: ClassVar = {"created_at": "version"}
    default_ordering = "-created_at"
    queryset = Entry.objects.none()

    @extend_schema(
        operation_id="transactions",
        summary="List transactions, newest first",
        parameters=[TransactionQuery],
        responses={(200, "application/json"): TransactionPageSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    def list(self, request: Request) -> Response | StreamingHttpResponse:
        query = TransactionQuery.parse(request)
        user = api.subject(request, query.get("user_id"))
        services.wallet_of(user=user)
        entries = statements.filtered(Entry.objects.owned_by(user).select_related(*statements.SHOWN), query)
        if request.accepted_renderer.format == "csv":
            return as_csv_file(self, entries.order_by("-version"), statements.csv_lines, "transactions.csv")
        page = self.paginate_queryset(entries.prefetch_related(statements.DRAWN))
        answer = self.get_paginated_response(EntrySerializer(page, many=True).data)
        answer.data["summary"] = statements.summary(entries)
        return answer


class RefundViewSet(ViewSet):
    """Giving charges back."""

    scopes: ClassVar = {"create": "credits:refund"}

    @extend_schema(
        operation_id="refund",
        summary="Give a charge back, in whole or in part",
        request=RefundSerializer,
        responses={200: RefundReceiptSerializer},
    )
    def create(self, request: Request, transaction_id: str) -> HttpResponse:
        data = api.body(RefundSerializer, request)
        user = api.subject(request, data.pop("user_id"))
        app = api.calling_app(request)

        def act(_: None) -> api.Reply:
            entry = services.refund(user=user, app=app, entry_id=transaction_id, **data)
            return 200, {**api.shown(EntrySerializer, entry), **balances(entry.wallet)}

        return api.write(request, "transaction/refund", act)


class HoldViewSet(ViewSet):
    """Settling holds; they are made where credits and bytes are set aside together."""

    scopes: ClassVar = {
        "retrieve": "credits:read",
        "destroy": "credits:charge",
        "capture": "credits:charge",
        "release": "credits:charge",
        "extend": "credits:charge",
    }
    token_actions: ClassVar = frozenset(scopes)

    @extend_schema(
        operation_id="hold", summary="See a hold", parameters=[UserQuery], responses={200: HoldStateSerializer}
    )
    def retrieve(self, request: Request, hold_id: str) -> Response:
        user = api.subject(request, UserQuery.parse(request).get("user_id"))
        return Response(HoldStateSerializer(services.hold_of(user=user, hold_id=hold_id)).data)

    @extend_schema(
        operation_id="release_hold_by_delete",
        summary="Release a hold",
        parameters=[UserQuery],
        responses={200: SettledHoldSerializer},
    )
    def destroy(self, request: Request, hold_id: str) -> Response:
        user = api.subject(request, UserQuery.parse(request).get("user_id"))
        api.no_body(request)
        hold = services.release(user=user, app=api.calling_app(request), hold_id=hold_id)
        return Response(settled(hold))

    @extend_schema(
        operation_id="capture_hold",
        summary="Charge a hold",
        request=CaptureSerializer,
        responses={200: SettledHoldSerializer},
    )
    def capture(self, request: Request, hold_id: str) -> HttpResponse:
        data = api.body(CaptureSerializer, request)
        user, app = api.subject(request, data.pop("user_id")), api.calling_app(request)

        def act(_: None) -> api.Reply:
            hold, entry = services.capture(user=user, app=app, hold_id=hold_id, **data)
            paid = {"transaction_id": entry.id, "charged": -entry.amount} if entry else {}
            return 200, {**settled(hold), **paid}

        return api.write(request, "hold/capture", act)

    @extend_schema(
        operation_id="release_hold",
        summary="Release a hold",
        request=ReleaseSerializer,
        responses={200: SettledHoldSerializer},
    )
    def release(self, request: Request, hold_id: str) -> HttpResponse:
        data = api.body(ReleaseSerializer, request)
        user, app = api.subject(request, data["user_id"]), api.calling_app(request)
        return api.write(
            request,
            "hold/release",
            lambda _: (200, settled(services.release(user=user, app=app, hold_id=hold_id))),
        )

    @extend_schema(
        operation_id="extend_hold",
        summary="Keep a hold longer",
        request=ExtendSerializer,
        responses={200: SettledHoldSerializer},
    )
    def extend(self, request: Request, hold_id: str) -> HttpResponse:
        data = api.body(ExtendSerializer, request)
        user, app = api.subject(request, data.pop("user_id")), api.calling_app(request)
        return api.write(
            request,
            "hold/extend",
            lambda _: (200, settled(services.extend(user=user, app=app, hold_id=hold_id, **data))),
        )


def settled(hold: Hold) -> dict[str, Any]:
    """A hold with the wallet as it is after the call."""
    return {**api.shown(HoldStateSerializer, hold), **balances(hold.wallet)}


class PriceViewSet(ViewSet):
    """The price book."""

    scopes: ClassVar = {"list": "credits:read"}
    browser_actions: ClassVar = frozenset({"list"})

    @extend_schema(
        operation_id="prices",
        summary="The price book",
        parameters=[PriceQuery],
        responses={200: PriceListSerializer},
    )
    def list(self, request: Request) -> Response:
        PriceQuery.parse(request)
        prices = pricing.current(api.app_or_owner(request))
        return Response({"results": [price.facts() for price in prices]})


class BonusViewSet(ViewSet):
    """Giving bonus credits."""

    scopes: ClassVar = {"create": "credits:grant"}

    @extend_schema(
        operation_id="give_bonus_credits",
        summary="Give bonus credits to one, some or all users",
        request=BonusSerializer,
        responses={200: BonusAnswerSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(BonusSerializer, request)
        app = api.calling_app(request)
        named = [data.pop("user_id")] if "user_id" in data else data.pop("user_ids", None)
        everybody = data.pop("all_users", False)
        users: Any = accounts.reachable(app=app) if everybody else _all_of(app, named or ())
        place = {} if everybody else {user.pk: index for index, user in enumerate(users)}

        def act(_: None) -> api.Reply:
            entries = services.grant_many(users=users, app=app, **data)
            results = [
                {"user_id": entry.wallet.user.user_id, "transaction_id": entry.id, "credits": entry.wallet.available}
                for entry in sorted(entries, key=lambda entry: place.get(entry.wallet.user_id, 0))
            ]
            return 200, {"granted": len(entries), "amount": data["amount"], "results": results}

        return api.write(request, "give-bonus-credits", act)


def _all_of(app: ClientApp, user_ids: Sequence[str]) -> list[User]:
    """Everybody named, in that order; one who cannot be reached refuses the list."""
    people = accounts.reach_many(app=app, user_ids=user_ids).values()
    refused = [person for person in people if isinstance(person, DomainError)]
    if refused:
        raise refused[0]
    return [person for person in people if isinstance(person, User)]
