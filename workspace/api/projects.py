"""Projects of every app, merged: saved and paid for, listed, read, changed, deleted."""

import json
from collections import Counter
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import api
from accounts.models import ClientApp, User
from credits import services as credits
from credits.serializers import UserQuery
from workspace import content, services
from workspace.api.sending import Sending
from workspace.filters import Total, counted, filtered
from workspace.highlights import highlights_of
from workspace.list_serializers import ProjectPageSerializer, ProjectQuery
from workspace.models import MOST_RANKED, Project, etag_of
from workspace.serializers import (
    DeleteQuery,
    PatchProjectSerializer,
    ProjectDetailSerializer,
    ProjectSerializer,
    PurgedProjectSerializer,
    SavedProjectSerializer,
    SaveProjectSerializer,
    TrashedProjectSerializer,
    UpdatedProjectSerializer,
)
from workspace.services.projects import Saved
from workspace.services.reports import made_room, storage_stats


class ProjectViewSet(GenericViewSet[Project]):
    """Projects of every app, merged."""

    scopes: ClassVar = {
        "create": "workspace:write",
        "list": "workspace:read",
        "retrieve": "workspace:read",
        "partial_update": "workspace:write",
        "destroy": "workspace:write",
    }
    token_actions: ClassVar = frozenset({"create"})
    browser_actions: ClassVar = frozenset({"list", "retrieve", "partial_update", "destroy"})
    ordering_fields: ClassVar = {
        "created_at": "created_at",
        "updated_at": "updated_at",
        "title": "title",
        "file_size_bytes": "file_size_bytes",
        # The best comes first.
        "relevance": "-relevance",
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
        sending = Sending.taken_from(data, user)

        def prepare() -> content.Prepared:
            replaced = _replaced(user, data.get("project_code"))
            kind, metadata = data["project_type"], data.get("metadata")
            return sending.prepared(user=user, project_type=kind, metadata=metadata, replaced=replaced)

        def act(prepared: content.Prepared) -> api.Reply:
            if_match = request.headers.get("If-Match", "")
            saved = services.save_project(user=user, app=app, prepared=prepared, if_match=if_match, **data)
            return 201 if saved.created else 200, {**_saved(saved), **sending.done_to(saved.project)}

        return _tagged(api.write(request, "save-project", act, prepare=prepare))

    @extend_schema(
        operation_id="projects",
        summary="List projects of all apps",
        parameters=[ProjectQuery],
        responses={200: ProjectPageSerializer},
    )
    def list(self, request: Request) -> Response:
        query = ProjectQuery.parse(request)
        user = api.subject(request, query.get("user_id"))
        projects = filtered(user, query)
        by_relevance = query.get("ordering", "").endswith("relevance")
        listed = projects.newest(MOST_RANKED).ranked(query["q"]) if by_relevance else projects
        page = self.paginate_queryset(listed.select_related("app", "user")) or []
        shown = _listed(page, query.get("q"))
        slugs = dict(ClientApp.objects.values_list("pk", "slug"))
        links = self.get_paginated_response(None).data
        # What is on one page is counted already.
        is_all = "cursor" not in query and links["next"] is None
        total = Total(Counter(project.app_id for project in page), True) if is_all else counted(user, query)
        return Response(
            {
                "all_projects": shown,
                **{
                    f"{slug}_projects": [item for item in shown if item["app_source"] == slug]
                    for slug in slugs.values()
                },
                "total_projects": sum(total.counts.values()),
                "total_is_exact": total.is_exact,
                "counts": {slug: total.counts.get(app, 0) for app, slug in slugs.items()},
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
        project = find(api.subject(request, UserQuery.parse(request).get("user_id")), code)
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
        responses={200: UpdatedProjectSerializer},
    )
    def partial_update(self, request: Request, code: str) -> Response:
        changes = api.body(PatchProjectSerializer, request)
        user = api.subject(request, changes.pop("user_id", None))
        sending = Sending.taken_from(changes, user) if "content" in changes else None
        prepared = None
        if sending is not None:
            old = find(user, code)
            metadata = changes.get("metadata")
            prepared = sending.prepared(user=user, project_type=old.project_type, metadata=metadata, replaced=old)
        updated = services.update_project(
            user=user,
            app=api.app_or_owner(request),
            project_code=code,
            if_match=request.headers.get("If-Match", ""),
            prepared=prepared,
            changes=changes,
        )
        project = updated.project
        done = sending.done_to(project) if sending else {}
        room = made_room(updated.workspace) if updated.workspace else {}
        return Response({**ProjectSerializer(project).data, **done, **room}, headers={"ETag": project.etag})

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


def find(user: User, code: str) -> Project:
    """The person's project, live or trashed, for reading; ProjectNotFound when they have none of this code."""
    project = Project.objects.owned_by(user).select_related("app", "user").filter(code=code).first()
    if project is None:
        raise services.ProjectNotFound("There is no such project.")
    return project


def _tagged(answer: HttpResponse) -> HttpResponse:
    """With the ETag of what was saved; that of an answer given again is of the version it told of."""
    if answer.status_code in (200, 201):
        saved = json.loads(answer.content)
        answer["ETag"] = etag_of(saved["project_code"], saved["version"])
    return answer


def _require_scope_to_pay(request: Request, data: dict[str, Any]) -> None:
    """Paying by saving asks for the same scope as paying alone."""
    pays = bool(data.keys() & {"charge", "hold_id"})
    if pays and not api.may_pay(request):
        raise PermissionDenied("This key or token lacks the scope 'credits:charge'.", code="missing_scope")


def _replaced(user: User, code: str | None) -> Project | None:
    return Project.objects.owned_by(user).live().filter(code=code).first() if code else None


def _listed(page: list[Project], words: str | None) -> list[dict[str, Any]]:
    """The items of a list; those of a search say where its words are."""
    items = [dict(item) for item in ProjectSerializer(page, many=True).data]
    if words is None:
        return items
    found = highlights_of(page, words)
    return [item | {"highlight": found[project.pk]} for item, project in zip(items, page, strict=True)]


def _stats(user: User) -> dict[str, Any]:
    return {"storage_stats": storage_stats(services.workspace_of(user=user))}


def _saved(saved: Saved) -> dict[str, Any]:
    body = {
        **api.shown(ProjectSerializer, saved.project),
        "duplicate_of": saved.twin.code if saved.twin else None,
        "deduplicated_bytes": saved.deduplicated_bytes,
        "storage_stats": storage_stats(saved.workspace),
        "credits": credits.wallet_of(user=saved.project.user).available,
        **made_room(saved.workspace),
    }
    if saved.entry is not None:
        body |= {"transaction_id": saved.entry.id, "charged": -saved.entry.amount}
    return body
