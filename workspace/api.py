"""The workspace's endpoints: people, projects, their bytes, storage, and holds on credits and bytes."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from accounts import api
from accounts.models import ApiKey, ClientApp, User
from credits import services as credits
from credits.api import balances, settled
from credits.serializers import HoldSerializer, SettledHoldSerializer, UserQuery
from workspace import content, services
from workspace.filters import filtered
from workspace.models import Content, Project
from workspace.serializers import (
    CreateUserSerializer,
    DeleteQuery,
    PatchProjectSerializer,
    ProjectDetailSerializer,
    ProjectPageSerializer,
    ProjectQuery,
    ProjectSerializer,
    PurgedProjectSerializer,
    SavedProjectSerializer,
    SaveProjectSerializer,
    StorageStatsSerializer,
    TrashedProjectSerializer,
    UserInfoSerializer,
)
from workspace.services.projects import Saved
from workspace.services.storage import room_for, storage_stats

# A picture is bytes from a stranger: whatever it says, it must not run, be sniffed, or be framed elsewhere.
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


def user_info(user: User) -> dict[str, Any]:
    """The user-info body."""
    workspace = services.workspace_of(user=user)
    return {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        **balances(credits.wallet_of(user=user)),
        "storage_used_bytes": workspace.used_bytes,
        "storage_limit_bytes": workspace.limit_bytes,
        "storage_stats": storage_stats(workspace),
        "created_at": user.created_at,
    }


class UserViewSet(ViewSet):
    """People, as the apps make and see them."""

    scopes: ClassVar = {"create": "users:write", "retrieve": "credits:read"}
    browser_actions: ClassVar = frozenset({"retrieve"})

    @extend_schema(
        operation_id="create_user",
        summary="Create or update a user",
        request=CreateUserSerializer,
        responses={201: UserInfoSerializer, 200: UserInfoSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(CreateUserSerializer, request)
        app = api.calling_app(request)

        def act(_: None) -> api.Reply:
            user, created = services.join(app=app, **data)
            return 201 if created else 200, user_info(user)

        return api.write(request, "create-user", act)

    @extend_schema(
        operation_id="user_info",
        summary="A user's credits and storage",
        parameters=[UserQuery],
        responses={200: UserInfoSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        user = api.subject(request, UserQuery.parse(request).get("user_id"))
        return Response(user_info(user))


class AsStoredRenderer(JSONRenderer):
    """Bytes go out in the type they are stored in, whatever was hoped for; only refusals are rendered."""

    media_type = "*/*"


class ProjectViewSet(GenericViewSet[Project]):
    """Projects of every app, merged."""

    scopes: ClassVar = {
        "create": "workspace:write",
        "list": "workspace:read",
        "retrieve": "workspace:read",
        "partial_update": "workspace:write",
        "destroy": "workspace:write",
        "content": "workspace:read",
        "thumbnail": "workspace:read",
    }
    browser_actions: ClassVar = frozenset({"list", "retrieve", "partial_update", "destroy", "content", "thumbnail"})
    ordering_fields: ClassVar = {
        "created_at": "created_at",
        "updated_at": "updated_at",
        "title": "title",
        "file_size_bytes": "file_size_bytes",
    }
    default_ordering = "-created_at"
    queryset = Project.objects.none()

    @extend_schema(
        operation_id="save_project",
        summary="Save a project, and pay for it in the same transaction",
        request={"application/json": SaveProjectSerializer, "multipart/form-data": SaveProjectSerializer},
        responses={201: SavedProjectSerializer, 200: SavedProjectSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(SaveProjectSerializer, request)
        _require_scope_to_pay(request, data)
        app = api.same_app(request, data.pop("app_source"))
        user = api.subject(request, data.pop("user_id"))
        sent = data.pop("file").read() if "file" in data else data.pop("content")
        compression, fit = data.pop("compression"), data.pop("fit")

        def prepare() -> content.Prepared:
            room = room_for(user=user, replacing=_replaced(user, data.get("project_code"))) if fit else None
            return content.prepare(
                project_type=data["project_type"], content=sent, compression=compression, max_bytes=room
            )

        def act(prepared: content.Prepared) -> api.Reply:
            if_match = request.headers.get("If-Match", "")
            saved = services.save_project(user=user, app=app, prepared=prepared, if_match=if_match, **data)
            return 201 if saved.created else 200, _saved(saved, fit)

        return api.write(request, "save-project", act, prepare=prepare)

    @extend_schema(
        operation_id="projects",
        summary="List projects of all apps",
        parameters=[ProjectQuery],
        responses={200: ProjectPageSerializer},
    )
    def list(self, request: Request) -> Response:
        query = ProjectQuery.parse(request)
        user = api.subject(request, query.get("user_id"))
        projects = filtered(Project.objects.owned_by(user), query)
        page = self.paginate_queryset(projects.select_related("app", "user")) or []
        shown = [dict(project) for project in ProjectSerializer(page, many=True).data]
        slugs = list(ClientApp.objects.values_list("slug", flat=True))
        counts = projects.counts()
        links = self.get_paginated_response(None).data
        return Response(
            {
                "all_projects": shown,
                **{f"{slug}_projects": [item for item in shown if item["app_source"] == slug] for slug in slugs},
                "total_projects": sum(counts.values()),
                "counts": {slug: counts.get(slug, 0) for slug in slugs},
                "next": links["next"],
                "previous": links["previous"],
            }
        )

    @extend_schema(
        operation_id="project",
        summary="A project with its content",
        parameters=[UserQuery],
        responses={200: ProjectDetailSerializer},
    )
    def retrieve(self, request: Request, code: str) -> Response:
        project = _project(api.subject(request, UserQuery.parse(request).get("user_id")), code)
        address = f"{settings.PUBLIC_URL}/api/unified/project/{project.code}"
        query = f"?user_id={project.user.user_id}"
        body = {
            **api.shown(ProjectSerializer, project),
            "content": content.as_json(project),
            "content_url": f"{address}/content{query}",
            "thumbnail_url": None if project.is_text else f"{address}/thumbnail{query}",
        }
        return Response(body, headers={"ETag": project.etag})

    @extend_schema(
        operation_id="update_project",
        summary="Change a project",
        request=PatchProjectSerializer,
        responses={200: ProjectSerializer},
    )
    def partial_update(self, request: Request, code: str) -> Response:
        changes = api.body(PatchProjectSerializer, request)
        user = api.subject(request, changes.pop("user_id", None))
        prepared = None
        if "content" in changes:
            kind = _project(user, code).project_type
            prepared = content.prepare(project_type=kind, content=changes.pop("content"))
        project = services.update_project(
            user=user,
            app=api.app_or_owner(request),
            project_code=code,
            if_match=request.headers.get("If-Match", ""),
            prepared=prepared,
            changes=changes,
        )
        return Response(ProjectSerializer(project).data, headers={"ETag": project.etag})

    @extend_schema(
        operation_id="delete_project",
        summary="Move a project to the trash, or delete it for good",
        parameters=[DeleteQuery],
        responses={
            200: PolymorphicProxySerializer(
                "DeletedProject", [TrashedProjectSerializer, PurgedProjectSerializer], resource_type_field_name=None
            )
        },
    )
    def destroy(self, request: Request, code: str) -> Response:
        query = DeleteQuery.parse(request)
        api.no_body(request)
        user, app = api.subject(request, query.get("user_id")), api.app_or_owner(request)
        if_match = request.headers.get("If-Match", "")
        if query.get("permanent"):
            freed = services.purge(user=user, app=app, project_code=code, if_match=if_match)
            return Response({"project_code": code, "permanent": True, "freed_bytes": freed, **_stats(user)})
        project = services.trash(user=user, app=app, project_code=code, if_match=if_match)
        return Response({**ProjectSerializer(project).data, "permanent": False, **_stats(user)})

    @extend_schema(
        operation_id="project_content",
        summary="A project's bytes",
        parameters=[UserQuery],
        responses={(200, "image/*"): OpenApiTypes.BINARY, (200, "text/plain"): OpenApiTypes.STR},
    )
    def content(self, request: Request, code: str) -> HttpResponse:
        project = _project(api.subject(request, UserQuery.parse(request).get("user_id")), code)
        return _file(content.raw_bytes(project), project.content_type, project.content_hash)

    @extend_schema(
        operation_id="project_thumbnail",
        summary="A picture's thumbnail, at most 320 pixels",
        parameters=[UserQuery],
        responses={(200, "image/webp"): OpenApiTypes.BINARY},
    )
    def thumbnail(self, request: Request, code: str) -> HttpResponse:
        project = _project(api.subject(request, UserQuery.parse(request).get("user_id")), code)
        stored = Content.objects.filter(project=project, thumbnail__isnull=False).first()
        if stored is None:
            raise services.ProjectNotFound("This project has no thumbnail.")
        return _file(bytes(stored.thumbnail or b""), stored.thumbnail_type, f"{project.content_hash}-thumbnail")


def _project(user: User, code: str) -> Project:
    project = Project.objects.owned_by(user).select_related("app", "user").filter(code=code).first()
    if project is None:
        raise services.ProjectNotFound("There is no such project.")
    return project


def _require_scope_to_pay(request: Request, data: dict[str, Any]) -> None:
    """Paying by saving asks for the same scope as paying alone."""
    pays = bool(data.keys() & {"charge", "hold_id"})
    if pays and isinstance(request.auth, ApiKey) and "credits:charge" not in request.auth.scopes:
        raise PermissionDenied("This key lacks the scope 'credits:charge'.", code="missing_scope")


def _replaced(user: User, code: str | None) -> Project | None:
    return Project.objects.owned_by(user).live().filter(code=code).first() if code else None


def _stats(user: User) -> dict[str, Any]:
    return {"storage_stats": storage_stats(services.workspace_of(user=user))}


def _saved(saved: Saved, fit: bool) -> dict[str, Any]:
    body = {
        **api.shown(ProjectSerializer, saved.project),
        "storage_stats": storage_stats(saved.workspace),
        "credits": credits.wallet_of(user=saved.project.user).available,
    }
    if saved.entry is not None:
        body |= {"transaction_id": saved.entry.id, "charged": -saved.entry.amount}
    if fit:
        body["fit_applied"] = saved.project.encoder.get("fit")
    return body


def _file(data: bytes, content_type: str, tag: str) -> HttpResponse:
    return HttpResponse(data, content_type=content_type, headers={**SAFE_HEADERS, "ETag": f'"{tag}"'})


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


class ReservationViewSet(ViewSet):
    """Setting credits and bytes aside together."""

    scopes: ClassVar = {"create": "credits:charge"}

    @extend_schema(
        operation_id="create_hold",
        summary="Hold credits, and bytes if asked, for work under way",
        request=HoldSerializer,
        responses={201: SettledHoldSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(HoldSerializer, request)
        app = api.same_app(request, data.pop("app_name"))
        user = api.subject(request, data.pop("user_id"))
        return api.write(request, "holds", lambda _: (201, settled(services.hold(user=user, app=app, **data))))
