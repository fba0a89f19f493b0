"""Earlier versions of what projects show. They lie in the room that is free, and make way, oldest first, for all else.

They are no part of the used bytes, never the reason for a refusal, and no entry of the byte statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Sum

from accounts.models import User
from credits import services as credits
from workspace.content import Prepared
from workspace.models import Content, Project, ProjectVersion, Workspace
from workspace.services import sharing
from workspace.services.sharing import Placing

# Of one person's, so that versions of a few bytes do not become rows without end.
MOST_VERSIONS = 1_000
FACTS = ("project_type", "original_size_bytes", "excerpt", *sharing.STORED_FACTS)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier version showed, and when."""

    prepared: Prepared
    project_type: str
    saved_at: datetime
    replaced_at: datetime


def keep_before(project: Project, prepared: Prepared, placing: Placing) -> bool:
    """Keep what `project` shows when `prepared` is something else; whether it is."""
    same = placing.content is not None and placing.content.pk == project.content_id
    if same or prepared.hash == project.content_hash:
        return False
    keep([project])
    return True


def keep(projects: Sequence[Project]) -> None:
    """Note what each of one person's `projects` shows, before it is shown something else.

    The caller settles the contents, and trims when all is done."""
    ProjectVersion.objects.bulk_create(
        ProjectVersion(
            project=project,
            user_id=project.user_id,
            number=project.version,
            content_id=project.content_id,
            saved_at=project.updated_at,
            **{fact: getattr(project, fact) for fact in FACTS},
        )
        for project in projects
    )
    newest = ProjectVersion.objects.filter(user=projects[0].user_id).order_by("-replaced_at", "-pk")
    drop(newest.values_list("pk", flat=True)[MOST_VERSIONS:])


def adopt(project: Project, earlier: Mapping[int, Earlier]) -> None:
    """Give `project` versions from another installation, by their numbers. Under the owner's lock; the caller trims."""
    known = sharing.kept(project.user, [it.prepared for it in earlier.values()])
    ProjectVersion.objects.bulk_create(
        ProjectVersion(
            project=project,
            user=project.user,
            number=number,
            content_id=known[it.prepared.identity].content,
            project_type=it.project_type,
            original_size_bytes=it.prepared.original_bytes,
            excerpt=it.prepared.excerpt,
            saved_at=it.saved_at,
            replaced_at=it.replaced_at,
            **known[it.prepared.identity].facts,
        )
        for number, it in sorted(earlier.items())
    )
    sharing.settle({it.content for it in known.values()})


def kept_before(projects: Sequence[Project]) -> dict[str, int]:
    """The numbers of the versions that these projects showed until just now, by code, of those that were kept."""
    latest = {project.pk: project for project in projects}
    kept = ProjectVersion.objects.filter(project__in=latest, number=F("project__version") - 1)
    return {latest[project].code: number for project, number in kept.values_list("project", "number")}


def as_it_was(project: Project, version: ProjectVersion) -> Project:
    """The project as it showed `version`, for whoever serves it; not to be saved."""
    was = copy(project)
    for fact in ("content_id", *FACTS):
        setattr(was, fact, getattr(version, fact))
    was.version = version.number
    return was


def bytes_of(user: User) -> int:
    """What the person's earlier versions take of their free room."""
    return Content.objects.filter(user=user, lent=True).aggregate(size=Sum("size_bytes"))["size"] or 0


def keeps(workspace: Workspace, replaced: int, frees: int) -> bool:
    """Whether there will be room for `replaced` bytes as earlier versions when what replaces them frees `frees`."""
    return replaced <= _room(workspace) + frees


def _room(workspace: Workspace) -> int:
    return workspace.limit_bytes - workspace.used_bytes - credits.reserved_bytes(user=workspace.user)


def trim(workspace: Workspace) -> None:
    """Drop the oldest versions until the rest fit into what is neither used nor reserved. Under the owner's lock."""
    user = workspace.user
    taken = bytes_of(user)
    if taken:
        room = _room(workspace)
        if taken > room:
            drop(_without_room(user, room))


def _without_room(user: User, room: int) -> list[int]:
    """The keys of those that do not fit into `room`: one of them and all that are older."""
    lent = ProjectVersion.objects.filter(user=user, content__lent=True).order_by("-replaced_at", "-pk")
    doomed: list[int] = []
    kept: set[int] = set()
    for pk, content, size in lent.values_list("pk", "content_id", "content__size_bytes"):
        room -= 0 if content in kept else size
        kept.add(content)
        if room < 0:
            doomed.append(pk)
    return doomed


def drop(versions: Iterable[int]) -> None:
    """Delete versions by their keys, and their bytes where nothing else shows them."""
    doomed = ProjectVersion.objects.filter(pk__in=list(versions))
    contents = set(doomed.values_list("content", flat=True))
    if contents:
        doomed.delete()
        sharing.settle(contents)
