"""Proves that the bytes add up: every quota is the sum of its projects and of its statement, every project is what
was stored."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import brotli
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from workspace import blobs, search_index
from workspace.models import Content, IssuedCode, LooseObject, Project, ProjectVersion, Workspace
from workspace.services.finding import is_stale
from workspace.services.sharing import bearings
from workspace.services.versions import bytes_of

PROJECTS_AT_ONCE = 50
ENTRIES_AT_ONCE = 2_000


@dataclass(slots=True)
class Tally:
    """How much was looked at."""

    workspaces: int = 0
    entries: int = 0
    projects: int = 0


def audit(tally: Tally) -> Iterator[str]:
    """Every fault, as a sentence that names its row. Reads a few projects' bytes at a time."""
    yield from _quotas(tally)
    yield from _statements(tally)
    yield from _homeless()
    yield from _sharing()
    yield from _versions()
    for name in LooseObject.objects.filter(name__in=Content.objects.values("name")).values_list("name", flat=True):
        yield f"object {name}: is shown and noted as loose, so it would be collected"
    for project in Project.objects.order_by("pk").iterator(PROJECTS_AT_ONCE):
        tally.projects += 1
        what = _fault(project)
        if what:
            yield f"project {project.code}: {what}"
        elif is_stale(project):
            yield f"project {project.code}: the words it is found by are not its own"
    codes = IssuedCode.objects.filter(code=OuterRef("code")).values("code")
    for code in Project.objects.alias(issued=Subquery(codes)).filter(issued=None).values_list("code", flat=True):
        yield f"project {code}: its code was never issued"


def audit_index() -> Iterator[str]:
    """A fault of the full-text index, of which one check sees one moment by itself."""
    if not search_index.is_sound():
        yield "the full-text index does not have the words of its table; rebuild_search puts that right"


def _quotas(tally: Tally) -> Iterator[str]:
    sums = Project.objects.filter(user=OuterRef("pk")).order_by().values("user").annotate(s=Sum("file_size_bytes"))
    counted = Coalesce(Subquery(sums.values("s")), 0)
    for workspace in Workspace.objects.select_related("user").annotate(counted=counted).order_by("pk").iterator():
        tally.workspaces += 1
        if workspace.used_bytes != workspace.counted:
            yield (
                f"workspace of {workspace.user.user_id}: used_bytes is {workspace.used_bytes}, "
                f"its projects take {workspace.counted}"
            )


def _statements(tally: Tally) -> Iterator[str]:
    """Numbers without a gap, running sums, and the workspace at the end; of each statement its first fault only."""
    for workspace in Workspace.objects.select_related("user").order_by("pk").iterator():
        name, number, used = workspace.user.user_id, 0, 0
        for entry in workspace.entries.order_by("number").iterator(ENTRIES_AT_ONCE):
            tally.entries += 1
            number, used = number + 1, used + entry.delta_bytes
            if entry.number != number:
                yield f"storage entry {entry.number} of {name}: number {entry.number} where {number} should follow"
                break
            if entry.used_after_bytes != used:
                yield (
                    f"storage entry {number} of {name}: used_after_bytes is {entry.used_after_bytes}, "
                    f"the changes before it add up to {used}"
                )
                break
        else:
            for field, have, want in (
                ("used_bytes", workspace.used_bytes, used),
                ("entry_count", workspace.entry_count, number),
            ):
                if have != want:
                    yield f"workspace of {name}: {field} is {have}, its statement says {want}"


def _homeless() -> Iterator[str]:
    owners = Workspace.objects.filter(pk=OuterRef("user")).values("pk")
    orphans = Project.objects.alias(home=Subquery(owners)).filter(home=None)
    for code in orphans.values_list("code", flat=True):
        yield f"project {code}: its owner has no workspace"
    for code in Project.objects.exclude(content__user=F("user")).values_list("code", flat=True):
        yield f"project {code}: its content belongs to somebody else"


def _sharing() -> Iterator[str]:
    """Every content is counted once, by the project that should."""
    for bearing in bearings(Content.objects.order_by("pk")):
        sizes = Project.objects.filter(content=bearing.content).aggregate(counted=Sum("file_size_bytes"))
        if bearing.heir is None and not bearing.has_versions:
            yield f"content {bearing.content}: no project shows it"
        elif bearing.lent is (bearing.heir is not None):
            yield f"content {bearing.content}: whether only versions show it is not as it says"
        elif bearing.heir and sizes["counted"] != bearing.size_bytes:
            yield f"content {bearing.content}: has {bearing.size_bytes} bytes, its projects count {sizes['counted']}"
        elif bearing.heir and bearing.size_bytes and bearing.bearer != bearing.heir:
            yield f"content {bearing.content}: another project should count it"


def _versions() -> Iterator[str]:
    """Earlier versions are what was stored, their owner's, and in room that nothing else has."""
    for version in ProjectVersion.objects.select_related("project").order_by("pk").iterator(PROJECTS_AT_ONCE):
        what = _fault(version)
        if what or version.user_id != version.project.user_id:
            yield f"version {version.number} of project {version.project.code}: {what or 'it belongs to somebody else'}"
    for workspace in Workspace.objects.filter(user__in=Content.objects.filter(lent=True).values("user")):
        taken = bytes_of(workspace.user)
        if taken > max(0, workspace.limit_bytes - workspace.used_bytes):
            yield f"workspace of {workspace.user.user_id}: earlier versions take {taken} bytes of room that is not free"


def _fault(project: Project | ProjectVersion) -> str:
    """What is wrong with the bytes one shows, or nothing. Objects in the storage are looked at afterwards."""
    stored = Content.objects.get(pk=project.content_id)
    if stored.name:
        return "" if blobs.sum_in(stored.name) == project.content_hash else "its object is not what was stored"
    data = bytes(stored.data)
    if hashlib.sha256(data).hexdigest() != project.content_hash:
        return "its content is not what was stored"
    size = _original_size(project, data)
    counted = max(len(data), -(-size // 8)) if project.encoding == "br" else len(data)
    if counted != stored.size_bytes:
        return f"its content is said to count {stored.size_bytes} bytes and counts {counted}"
    return ""


def _original_size(project: Project | ProjectVersion, data: bytes) -> int:
    return len(brotli.decompress(data)) if project.encoding == "br" else len(data)
