"""What a workspace holds: how full it is, and what fills it. Reads only."""

from collections.abc import Iterable
from statistics import median_low
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, Sum

from accounts.models import ClientApp, User
from credits import services as credits
from workspace.models import Project, ProjectType, Workspace
from workspace.services import versions
from workspace.services.statement import workspace_of

MB = 1_048_576
LARGEST = 10
# What a 1024 x 1024 picture takes as AVIF q60, mean of 20 (docs, compression); used until someone has pictures.
TYPICAL_PICTURE_BYTES = 61 * 1_024
LATEST_PICTURES = 100
Row = Any  # a dictionary of one app, type and trash state, with count, size and original


def megabytes(size: int) -> float:
    """Bytes as MB of 1,048,576 bytes, to two places."""
    return round(size / MB, 2)


def storage_stats(workspace: Workspace) -> dict[str, Any]:
    """How full the workspace is, in MB and in exact bytes."""
    used, limit, available = workspace.used_bytes, workspace.limit_bytes, workspace.available_bytes
    return {
        "used_mb": megabytes(used),
        "limit_mb": megabytes(limit),
        "available_mb": megabytes(available),
        "usage_percentage": round(100 * used / limit, 2) if limit else 100.0,
        "used_bytes": used,
        "limit_bytes": limit,
        "available_bytes": available,
        "over_bytes": workspace.excess_bytes,
    }


def made_room(workspace: Workspace) -> dict[str, Any]:
    """`made_room` for an answer, where something was purged from the trash so that it fits; else nothing."""
    purged = workspace.made_room
    return {"made_room": {"project_codes": list(purged), "freed_bytes": sum(purged.values())}} if purged else {}


def storage_report(*, user: User) -> dict[str, Any]:
    """Everything `storage-stats` and the storage page say, in a constant number of queries."""
    workspace = workspace_of(user=user)
    reserved, picture = credits.reserved_bytes(user=user), typical_picture(user)
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
        "reserved_bytes": reserved,
        "versions_bytes": versions.bytes_of(user),
        "typical_picture_bytes": picture,
        "pictures_that_fit": max(0, workspace.available_bytes - reserved) // picture,
        "storage_preferences": preferences_of(workspace),
        "largest": list(projects.live().select_related("app").order_by("-file_size_bytes", "-id")[:LARGEST]),
    }


def typical_picture(user: User) -> int:
    """Bytes that one more picture will take: the median of the person's latest hundred, or a typical one."""
    pictures = Project.objects.owned_by(user).exclude(project_type=ProjectType.TEXT).filter(file_size_bytes__gt=0)
    sizes = pictures.order_by("-created_at", "-id").values_list("file_size_bytes", flat=True)[:LATEST_PICTURES]
    return median_low(sizes) if sizes else TYPICAL_PICTURE_BYTES


def preferences_of(workspace: Workspace) -> dict[str, Any]:
    """What the owner chose to happen when a save does not fit, as the API shows it."""
    return {
        "make_room_from_trash": workspace.make_room_from_trash,
        "fit": workspace.fit,
        "max_edge": workspace.max_edge,
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
