"""Projects that are gone for good: their rows, their bytes where nobody else shows them, and what is said of it."""

from collections.abc import Sequence

from accounts import events
from workspace.models import Cause, Project, ProjectQuerySet, ProjectVersion, Workspace
from workspace.services import sharing, versions
from workspace.services.statement import Change, post

# What an event and the statement do not tell, left unread: with it a trash could take a lot of memory.
UNTOLD = ("excerpt", "metadata", "encoder")


def erase(workspace: Workspace, doomed: ProjectQuerySet, cause: Cause) -> dict[str, int]:
    """Delete these projects of the person for good, and say why; returns the bytes each freed, by code.

    The caller holds the owner's lock. A constant number of statements, however many they are."""
    projects = list(doomed.select_related("app").defer(*UNTOLD))
    if not projects:
        return {}
    staying = sharing.staying(doomed)
    freed = {each.code: 0 if each.content_id in staying else each.file_size_bytes for each in projects}
    earlier = ProjectVersion.objects.filter(project__in=doomed).values_list("content", flat=True)
    contents = {project.content_id for project in projects} | set(earlier)
    doomed.only("pk").delete()
    sharing.settle(contents)
    post(workspace, [Change(cause, -freed[project.code], project) for project in projects])
    # What only a version shows from now on has no room in a workspace that is over full.
    versions.trim(workspace)
    events.record_many(user=workspace.user, facts=deleted(projects, permanent=True))
    return freed


def deleted(projects: Sequence[Project], *, permanent: bool) -> list[tuple[str, dict[str, object]]]:
    """The fact of each project that it was deleted, for good or into the trash."""
    return [("project.deleted", {**project.facts(), "permanent": permanent}) for project in projects]


def purge_oldest(workspace: Workspace, missing: int) -> dict[str, int]:
    """Purge what has lain in the trash longest until `missing` bytes are free; returns the bytes each freed, by code.

    Nothing at all when the whole trash would not do. Bytes that a live project shows as well free nothing, so what
    shares them stays; what shares bytes within the trash goes together. The caller holds the owner's lock."""
    trashed = Project.objects.owned_by(workspace.user).trashed()
    shares: dict[int, list[int]] = {}
    sizes: dict[int, int] = {}
    for pk, content, size in trashed.order_by("trashed_at", "id").values_list("pk", "content", "file_size_bytes"):
        shares.setdefault(content, []).append(pk)
        sizes[content] = sizes.get(content, 0) + size
    if sum(sizes.values()) < missing:
        return {}
    doomed: list[int] = []
    for content, keys in shares.items():
        if missing > 0 and sizes[content]:
            doomed += keys
            missing -= sizes[content]
    return erase(workspace, Project.objects.filter(pk__in=doomed), Cause.MADE_ROOM)
