"""What fills a workspace, and setting credits and bytes aside together."""

from typing import ClassVar

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from accounts import api
from credits.api import CSVRenderer, as_csv_file, settled
from credits.serializers import HoldSerializer, UserQuery
from workspace import services, statements
from workspace.models import StorageEntry
from workspace.room_serializers import StatementPageSerializer, StatementQuery, StorageEntrySerializer
from workspace.serializers import ProjectSerializer, ReservedSerializer, StorageStatsSerializer
from workspace.services.reports import made_room


class StorageViewSet(ViewSet):
    """What fills the workspace."""

    scopes: ClassVar = {"retrieve": "workspace:read"}
    browser_actions: ClassVar = frozenset({"retrieve"})

    @extend_schema(
        operation_id="storage_stats",
        summary="What fills the workspace",
        parameters=[UserQuery],
        responses={200: StorageStatsSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        user = api.subject(request, UserQuery.parse(request).get("user_id"))
        report = services.storage_report(user=user)
        return Response({**report, "largest": ProjectSerializer(report["largest"], many=True).data})


class StatementViewSet(GenericViewSet[StorageEntry]):
    """The history of the used bytes."""

    scopes: ClassVar = {"list": "workspace:read"}
    browser_actions: ClassVar = frozenset({"list"})
    renderer_classes = (JSONRenderer, CSVRenderer)
    ordering_fields: ClassVar = {"created_at": "number"}
    default_ordering = "-created_at"
    queryset = StorageEntry.objects.none()

    @extend_schema(
        operation_id="storage_statement",
        summary="Every change of the used bytes and its cause, newest first",
        parameters=[StatementQuery],
        responses={(200, "application/json"): StatementPageSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    def list(self, request: Request) -> Response | StreamingHttpResponse:
        query = StatementQuery.parse(request)
        user = api.subject(request, query.get("user_id"))
        entries = statements.filtered(StorageEntry.objects.owned_by(user).select_related("app"), query)
        if request.accepted_renderer.format == "csv":
            return as_csv_file(self, entries.order_by("-number"), statements.csv_lines, "storage-statement.csv")
        page = self.paginate_queryset(entries)
        answer = self.get_paginated_response(StorageEntrySerializer(page, many=True).data)
        answer.data["summary"] = statements.summary(entries)
        return answer


class ReservationViewSet(ViewSet):
    """Setting credits and bytes aside together."""

    scopes: ClassVar = {"create": "credits:charge"}
    token_actions: ClassVar = frozenset({"create"})

    @extend_schema(
        operation_id="create_hold",
        summary="Hold credits, and bytes if asked, for work under way",
        request=HoldSerializer,
        responses={201: ReservedSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(HoldSerializer, request)
        app = api.same_app(request, data.pop("app_name"))
        user = api.subject(request, data.pop("user_id"))

        def act(_: None) -> api.Reply:
            reserved = services.hold(user=user, app=app, **data)
            return 201, {**settled(reserved.hold), **made_room(reserved.workspace)}

        return api.write(request, "holds", act)
