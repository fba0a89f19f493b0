"""Proves that the bytes add up: every quota is the sum of its projects, every project is what was stored."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import brotli
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from workspace.models import Content, IssuedCode, Project, Workspace

PROJECTS_AT_ONCE = 50


@dataclass(slots=True)
class Tally:
    """How much was looked at."""

    workspaces: int = 0
    projects: int = 0


def audit(tally: Tally) -> Iterator[str]:
    """Every fault, as a sentence that names its row. Reads a few projects' bytes at a time."""
    yield from _quotas(tally)
    yield from _homeless()
    for project in Project.objects.order_by("pk").iterator(PROJECTS_AT_ONCE):
        tally.projects += 1
        what = _fault(project)
        if what:
            yield f"project {project.code}: {what}"
    codes = IssuedCode.objects.filter(code=OuterRef("code")).values("code")
    for code in Project.objects.alias(issued=Subquery(codes)).filter(issued=None).values_list("code", flat=True):
        yield f"project {code}: its code was never issued"


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


def _homeless() -> Iterator[str]:
    owners = Workspace.objects.filter(pk=OuterRef("user")).values("pk")
    orphans = Project.objects.alias(home=Subquery(owners)).filter(home=None)
    for code in orphans.values_list("code", flat=True):
        yield f"project {code}: its owner has no workspace"
    for code in Project.objects.filter(stored__isnull=True).values_list("code", flat=True):
        yield f"project {code}: its content is missing"


def _fault(project: Project) -> str:
    """What is wrong with one project's bytes, or nothing."""
    stored = Content.objects.filter(project=project).first()
    if stored is None:
        return ""  # named among the missing already
    data = bytes(stored.data)
    if hashlib.sha256(data).hexdigest() != project.content_hash:
        return "its content is not what was stored"
    size = _original_size(project, data)
    counted = max(len(data), -(-size // 8)) if project.encoding == "br" else len(data)
    if counted != project.file_size_bytes:
        return f"file_size_bytes is {project.file_size_bytes}, its content counts {counted}"
    return ""


def _original_size(project: Project, data: bytes) -> int:
    return len(brotli.decompress(data)) if project.encoding == "br" else len(data)
