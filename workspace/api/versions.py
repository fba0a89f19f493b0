"""Earlier versions of a project: listed, read, gone back to."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import api
from credits.serializers import UserQuery
from workspace import content, services
from workspace.api.projects import find
from workspace.models import ProjectVersion
from workspace.serializers import ProjectSerializer
from workspace.services.reports import storage_stats
from workspace.version_serializers import (
    RestoredVersionSerializer,
    RestoreVersionSerializer,
    VersionDetailSerializer,
    VersionPageSerializer,
    VersionQuery,
    VersionSerializer,
)


class VersionViewSet(GenericViewSet[ProjectVersion]):
    """What a project showed before."""

    scopes: ClassVar = {"list": "workspace:read", "retrieve": "workspace:read", "restore": "workspace:write"}
    browser_actions: ClassVar = frozenset({"list", "retrieve", "restore"})
    ordering_fields: ClassVar = {"version": "number"}
    default_ordering = "-version"
    queryset = ProjectVersion.objects.none()

    @extend_schema(
        operation_id="project_versions",
        summary="Earlier versions of a project, as far as there is room for them",
        parameters=[VersionQuery],
        responses={200: VersionPageSerializer},
    )
    def list(self, request: Request, code: str) -> Response:
        query = VersionQuery.parse(request)
        project = find(api.subject(request, query.get("user_id")), code)
        versions = ProjectVersion.objects.filter(project=project).select_related("content")
        page = self.paginate_queryset(versions.defer("content__data", "content__thumbnail")) or []
        return self.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="project_version",
        summary="An earlier version with its content",
        parameters=[UserQuery],
        responses={200: VersionDetailSerializer},
    )
    def retrieve(self, request: Request, code: str, number: str) -> Response:
        project = find(api.subject(request, UserQuery.parse(request).get("user_id")), code)
        version = ProjectVersion.objects.filter(project=project, number=int(number)).select_related("content").first()
        if version is None:
            raise services.VersionNotFound("There is no such version of this project.")
        return Response({**api.shown(VersionSerializer, version), "content": content.as_json(version)})

    @extend_schema(
        operation_id="restore_version",
        summary="Let a project show again what it showed before",
        request=RestoreVersionSerializer,
        responses={200: RestoredVersionSerializer},
    )
    def restore(self, request: Request, code: str, number: str) -> HttpResponse:
        data = api.body(RestoreVersionSerializer, request)
        user, app = api.subject(request, data.get("user_id")), api.app_or_owner(request)
        if_match = request.headers.get("If-Match", "")

        def act(_: None) -> api.Reply:
            project = services.restore_version(
                user=user, app=app, project_code=code, number=int(number), if_match=if_match
            )
            stats = {"storage_stats": storage_stats(services.workspace_of(user=user))}
            return 200, {**api.shown(ProjectSerializer, project), **stats}

        return api.write(request, "versions/restore", act)
