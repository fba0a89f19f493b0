"""Making room: what would free bytes, and many projects trashed, restored, deleted or compressed at once."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts import api
from workspace import services
from workspace.room_serializers import (
    CleanupQuery,
    CleanupSerializer,
    CompressedManySerializer,
    DeletedManySerializer,
    DeleteManySerializer,
    ManyProjectsSerializer,
    RestoredManySerializer,
)
from workspace.services.bulk import Outcome
from workspace.services.compressing import Attempts
from workspace.services.reports import storage_stats
from workspace.services.storage import missing_for
from workspace.services.suggestions import freeing_most, to_make_room


class ManyProjectsViewSet(ViewSet):
    """Up to a hundred projects in one transaction, an outcome for every code."""

    scopes: ClassVar = {"remove": "workspace:write", "restore": "workspace:write", "compress": "workspace:write"}
    browser_actions: ClassVar = frozenset({"remove", "restore", "compress"})

    @extend_schema(
        operation_id="delete_projects",
        summary="Move up to 100 projects to the trash, or delete them for good",
        request=DeleteManySerializer,
        responses={200: DeletedManySerializer},
    )
    def remove(self, request: Request) -> HttpResponse:
        data = api.body(DeleteManySerializer, request)
        user, app = api.subject(request, data.get("user_id")), api.app_or_owner(request)
        codes, permanent = data["project_codes"], data["permanent"]

        def act(_: None) -> api.Reply:
            act_on = services.purge_many if permanent else services.trash_many
            outcomes = act_on(user=user, app=app, project_codes=codes)
            freed = sum(outcome.freed_bytes for outcome in outcomes)
            done = {"deleted": _done(outcomes), "permanent": permanent, "freed_bytes": freed}
            stats = {"storage_stats": storage_stats(services.workspace_of(user=user))}
            return 200, {"results": [outcome.facts() for outcome in outcomes], **done, **stats}

        return api.write(request, "projects/delete", act)

    @extend_schema(
        operation_id="restore_projects",
        summary="Take up to 100 projects out of the trash",
        request=ManyProjectsSerializer,
        responses={200: RestoredManySerializer},
    )
    def restore(self, request: Request) -> HttpResponse:
        data = api.body(ManyProjectsSerializer, request)
        user, app = api.subject(request, data.get("user_id")), api.app_or_owner(request)

        def act(_: None) -> api.Reply:
            outcomes = services.restore_many(user=user, app=app, project_codes=data["project_codes"])
            stats = {"storage_stats": storage_stats(services.workspace_of(user=user))}
            results = [outcome.facts() for outcome in outcomes]
            return 200, {"results": results, "restored": _done(outcomes), **stats}

        return api.write(request, "projects/restore", act)

    @extend_schema(
        operation_id="compress_projects",
        summary="Write up to 100 projects in fewer bytes, once, free of charge",
        request=ManyProjectsSerializer,
        responses={200: CompressedManySerializer},
    )
    def compress(self, request: Request) -> HttpResponse:
        data = api.body(ManyProjectsSerializer, request)
        user, app = api.subject(request, data.get("user_id")), api.app_or_owner(request)
        named = {"user": user, "app": app, "project_codes": data["project_codes"]}

        def act(attempts: Attempts) -> api.Reply:
            outcomes = services.compress_many(**named, attempts=attempts)
            freed = sum(outcome.freed_bytes for outcome in outcomes)
            stats = {"storage_stats": storage_stats(services.workspace_of(user=user))}
            results = [outcome.facts() for outcome in outcomes]
            return 200, {"results": results, "compressed": _done(outcomes), "freed_bytes": freed, **stats}

        return api.write(request, "projects/compress", act, prepare=lambda: services.encode_smaller(**named))


class CleanupViewSet(ViewSet):
    """What would make room, before anything is done."""

    scopes: ClassVar = {"list": "workspace:read"}
    browser_actions: ClassVar = frozenset({"list"})

    @extend_schema(
        operation_id="cleanup",
        summary="What would free the most bytes",
        parameters=[CleanupQuery],
        responses={200: CleanupSerializer},
    )
    def list(self, request: Request) -> Response:
        query = CleanupQuery.parse(request)
        user = api.subject(request, query.get("user_id"))
        required, missing = query.get("required_bytes"), 0
        if required is None:
            found = freeing_most(user, query["limit"])
        else:
            missing = missing_for(user=user, required_bytes=required)
            found = to_make_room(user, missing)
        return Response(
            {
                "results": [suggestion.facts(user) for suggestion in found],
                "missing_bytes": missing,
                "storage_stats": storage_stats(services.workspace_of(user=user)),
            }
        )


def _done(outcomes: list[Outcome]) -> int:
    return sum(outcome.done for outcome in outcomes)
