"""The quota: how full a workspace is, what fills it, and taking or giving back its bytes."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q, Sum

from accounts import events
from accounts.errors import DomainError
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Hold
from workspace.models import Project, Workspace

MB = 1_048_576
LARGEST = 10
Row = Any  # a dictionary of one app, type and trash state, with count, size and original
# As many codes as one call deletes.
SUGGESTIONS = 100


class WorkspaceFull(DomainError):
    """The bytes do not fit. Nothing was stored and nothing was paid."""

    code = "workspace_full"
    status = 507
    title = "Workspace full"


def workspace_of(*, user: User) -> Workspace:
    """The person's workspace, opened on first touch."""
    return Workspace.objects.filter(pk=user.pk).first() or open_workspace(user)


def open_workspace(user: User) -> Workspace:
    """The person's workspace, made when it is missing."""
    workspace, _ = Workspace.objects.get_or_create(user=user)
    return workspace


def take_bytes(user: User, delta: int) -> Workspace:
    """Change the used bytes by `delta` under the owner's lock; an exact fit succeeds. Raises WorkspaceFull.

    Shrinking always succeeds, so that nobody is locked out of a full workspace."""
    workspace = workspace_of(user=user)
    room = workspace.available_bytes - credits.reserved_bytes(user=user)
    if delta > 0 and delta > room:
        raise _full(user, delta, max(0, room))
    Workspace.objects.filter(pk=user.pk).update(used_bytes=F("used_bytes") + delta)
    workspace.used_bytes += delta
    announce(workspace)
    return workspace


def announce(workspace: Workspace) -> None:
    """Append the fact that the bar moved."""
    data = {"storage_used_bytes": workspace.used_bytes, "storage_limit_bytes": workspace.limit_bytes}
    events.record(user=workspace.user, type="storage.changed", data=data)


class LimitBelowUsed(DomainError):
    """A workspace cannot be made smaller than what is in it."""

    code = "limit_below_used"
    status = 409
    title = "Limit below used"


@transaction.atomic
def set_limit(*, user: User, limit_bytes: int) -> Workspace:
    """Give the person `limit_bytes` of room. Raises LimitBelowUsed when their projects already take more."""
    credits.lock_owner(user=user)
    workspace = workspace_of(user=user)
    if limit_bytes < workspace.used_bytes:
        raise LimitBelowUsed(
            f"The projects already take {workspace.used_bytes:,} bytes; the limit cannot be below that.",
            used_bytes=workspace.used_bytes,
        )
    if limit_bytes != workspace.limit_bytes:
        Workspace.objects.filter(pk=user.pk).update(limit_bytes=limit_bytes)
        workspace.limit_bytes = limit_bytes
        announce(workspace)
    return workspace


def room_for(*, user: User, replacing: Project | None = None) -> int:
    """Bytes a new project could take now, counting what it replaces as free."""
    workspace = workspace_of(user=user)
    freed = replacing.file_size_bytes if replacing else 0
    return max(0, workspace.available_bytes - credits.reserved_bytes(user=user) + freed)


def _full(user: User, required: int, available: int) -> WorkspaceFull:
    return WorkspaceFull(
        f"This needs {required:,} bytes and {available:,} are available. Nothing was stored and nothing was charged.",
        required_bytes=required,
        available_bytes=available,
        suggestions=suggestions(user, required - available),
    )


def suggestions(user: User, missing: int) -> list[dict[str, Any]]:
    """What to delete to make `missing` bytes of room: what is in the trash first, then the largest projects."""
    chosen: list[dict[str, Any]] = []
    owned = Project.objects.owned_by(user).select_related("user")
    for action, projects in (("purge", owned.trashed()), ("delete", owned.live())):
        for project in projects.filter(file_size_bytes__gt=0).order_by("-file_size_bytes", "-id")[:SUGGESTIONS]:
            if missing <= 0 or len(chosen) == SUGGESTIONS:
                return chosen
            chosen.append(_suggestion(action, project))
            missing -= project.file_size_bytes
    return chosen


def _suggestion(action: str, project: Project) -> dict[str, Any]:
    return {
        "action": action,
        "project_code": project.code,
        "title": project.title,
        "frees_bytes": project.file_size_bytes,
        # The trash counts, so only this frees them.
        "request": f"DELETE /api/unified/project/{project.code}?user_id={project.user.user_id}&permanent=true",
    }


@transaction.atomic
def hold(*, user: User, app: ClientApp, storage_bytes: int = 0, **terms: Any) -> Hold:
    """Set credits and bytes aside together, all or nothing. `terms` are those of `credits.services.hold`.

    Raises WorkspaceFull besides what that raises."""
    credits.lock_owner(user=user)
    room = room_for(user=user)
    if storage_bytes > room:
        raise _full(user, storage_bytes, room)
    return credits.hold(user=user, app=app, storage_bytes=storage_bytes, **terms)


def megabytes(size: int) -> float:
    """Bytes as MB of 1,048,576 bytes, to two places."""
    return round(size / MB, 2)


def storage_stats(workspace: Workspace) -> dict[str, Any]:
    """How full the workspace is, in MB and in exact bytes."""
    used, limit = workspace.used_bytes, workspace.limit_bytes
    return {
        "used_mb": megabytes(used),
        "limit_mb": megabytes(limit),
        "available_mb": megabytes(limit - used),
        "usage_percentage": round(100 * used / limit, 2) if limit else 100.0,
        "used_bytes": used,
        "limit_bytes": limit,
        "available_bytes": limit - used,
    }


def storage_report(*, user: User) -> dict[str, Any]:
    """Everything `storage-stats` and the storage page say, in a constant number of queries."""
    workspace = workspace_of(user=user)
    projects = Project.objects.owned_by(user)
    rows: list[Row] = list(
        projects.order_by()
        .annotate(trashed=ExpressionWrapper(Q(trashed_at__isnull=False), BooleanField()))
        .values("app__slug", "project_type", "trashed")
        .annotate(count=Count("id"), size=Sum("file_size_bytes"), original=Sum("original_size_bytes"))
    )
    live = [row for row in rows if not row["trashed"]]
    return {
        "storage_stats": storage_stats(workspace),
        "breakdown": _breakdown(rows, live),
        "by_type": {
            kind: {"bytes": _total(part, "size"), "projects": _total(part, "count")}
            for kind, part in ((kind, [row for row in live if row["project_type"] == kind]) for kind in _kinds(live))
        },
        "original_bytes": _total(rows, "original"),
        "saved_by_compression_bytes": max(0, _total(rows, "original") - _total(rows, "size")),
        "reserved_bytes": credits.reserved_bytes(user=user),
        "largest": list(projects.live().select_related("app").order_by("-file_size_bytes", "-id")[:LARGEST]),
    }


def _breakdown(rows: list[Row], live: list[Row]) -> dict[str, Any]:
    """Bytes and projects by app, the trash apart: the apps and the trash add up to what is used."""
    trashed = [row for row in rows if row["trashed"]]
    facts: dict[str, Any] = {"total_projects": _total(live, "count")}
    for slug in ClientApp.objects.values_list("slug", flat=True):
        part = [row for row in live if row["app__slug"] == slug]
        facts[f"{slug}_mb"] = megabytes(_total(part, "size"))
        facts[f"{slug}_bytes"] = _total(part, "size")
        facts[f"{slug}_projects"] = _total(part, "count")
    return facts | {
        "trash_mb": megabytes(_total(trashed, "size")),
        "trash_bytes": _total(trashed, "size"),
        "trash_projects": _total(trashed, "count"),
    }


def _kinds(rows: list[Row]) -> list[str]:
    return sorted({row["project_type"] for row in rows})


def _total(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] for row in rows)
