"""Bytes kept once per person: whichever of their projects show them, exactly one of those counts them.

The oldest live project that shows the bytes counts their size in its `file_size_bytes`, or else the oldest in the
trash; the others count nothing. So the sum over projects is what is used, and purging frees what the trash shows.
What no project shows and earlier versions still do is `lent`: it counts nothing, and goes when its room is needed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Sum

from accounts import events
from accounts.models import User
from workspace import blobs
from workspace.content import Prepared
from workspace.models import Content, Project, ProjectQuerySet, ProjectVersion

# Contents settled by one query: below what a database takes as parameters.
AT_ONCE = 1_000
# What a project's row says of the bytes it shows.
STORED_FACTS = ("content_type", "encoding", "content_hash", "encoder", "width", "height")


@dataclass(frozen=True, slots=True)
class Placing:
    """Where prepared bytes will go: what the quota changes by, and the content that has them already, if any."""

    delta: int
    content: Content | None


class Bearing(NamedTuple):
    """A content's key and size, the keys of the project that counts it and of the one that should, whether it is said
    to be shown by versions only, and whether any version shows it."""

    content: int
    size_bytes: int
    bearer: int | None
    heir: int | None
    lent: bool
    has_versions: bool


def placing(user: User, project: Project | None, prepared: Prepared) -> Placing:
    """What showing `prepared` in `project` (None: a new one) takes from the quota, or gives back when negative."""
    content = Content.objects.filter(user=user, identity=prepared.identity).defer("data", "thumbnail").first()
    if project is not None and content is not None and project.content_id == content.pk:
        return Placing(0, content)
    freed = freed_by([project]) if project is not None else 0
    if content is not None:
        return Placing((content.size_bytes if content.lent else 0) - freed, content)
    return Placing(prepared.counted_bytes - freed, None)


def put(project: Project, prepared: Prepared, placing: Placing) -> int | None:
    """Give `project` these bytes; its caller saves it, then settles the content it had, whose key this returns."""
    had = project.content_id
    content = placing.content or keep(project.user, [prepared])[0]
    if had == content.pk:
        return None
    show(project, content, is_new=placing.content is None)
    return had


def show(project: Project, content: Content, *, is_new: bool) -> None:
    """Let `project` show `content`, and count it where no other project does."""
    project.content = content
    project.file_size_bytes = content.size_bytes if is_new or content.lent else 0


def keep(user: User, made: Iterable[Prepared]) -> list[Content]:
    """New contents, in the storage where their objects can still be claimed, else in the database."""
    new = list(made)
    claimed = blobs.claim(prepared.name for prepared in new)
    return Content.objects.bulk_create(
        Content(
            user=user,
            identity=prepared.identity,
            size_bytes=prepared.counted_bytes,
            data=b"" if prepared.name in claimed else prepared.data,
            name=prepared.name if prepared.name in claimed else "",
            thumbnail=prepared.thumbnail,
            thumbnail_type=prepared.thumbnail_type,
        )
        for prepared in new
    )


class Known(NamedTuple):
    """A content's key, and what a row that shows it says of its bytes."""

    content: int
    facts: dict[str, Any]


def kept(user: User, made: Iterable[Prepared]) -> dict[str, Known]:
    """A content for each of the prepared, by identity: one that is there, as it is described there, or a new one."""
    wanted = {prepared.identity: prepared for prepared in made}
    identities = dict(Content.objects.filter(user=user, identity__in=wanted).values_list("pk", "identity"))
    found: dict[str, Known] = {}
    for model in (ProjectVersion, Project):
        for each in model.objects.filter(content__in=identities).only("content", *STORED_FACTS):
            found[identities[each.content_id]] = Known(each.content_id, facts_of(each))
    for content in keep(user, [prepared for identity, prepared in wanted.items() if identity not in found]):
        found[content.identity] = Known(content.pk, facts_of(wanted[content.identity]))
    return found


def describe(project: Project, prepared: Prepared, placing: Placing) -> None:
    """Say on the project's row what is stored: bytes that were there are described as before, not as just made."""
    shown = described(project) if placing.content else prepared
    for fact, value in facts_of(shown).items() if shown else ():
        setattr(project, fact, value)


def described(project: Project) -> Project | ProjectVersion | None:
    """Another project, or else an earlier version, that shows what `project` shows and says what that is."""
    return twin_of(project) or ProjectVersion.objects.filter(content=project.content_id).first()


def facts_of(made: Prepared | Project | ProjectVersion) -> dict[str, Any]:
    """What a project's row says of the bytes it shows: of bytes just made, or as another says it that shows them."""
    if not isinstance(made, Prepared):
        return {fact: getattr(made, fact) for fact in STORED_FACTS}
    same = ("content_type", "encoding", "encoder", "width", "height")
    return {"content_hash": made.hash, **{fact: getattr(made, fact) for fact in same}}


def freed_by(projects: Iterable[Project]) -> int:
    """Bytes that are free again once all of `projects` are gone for good; what others show as well stays."""
    gone = [project.pk for project in projects]
    others = Project.objects.filter(content=OuterRef("pk")).exclude(pk__in=gone)
    contents = Content.objects.filter(Exists(Project.objects.filter(content=OuterRef("pk"), pk__in=gone)))
    return contents.filter(~Exists(others)).aggregate(size=Sum("size_bytes"))["size"] or 0


def staying(doomed: ProjectQuerySet) -> set[int]:
    """The contents of `doomed` projects that others show as well, so that they stay when those are gone."""
    others = Project.objects.filter(content__in=doomed.values("content")).exclude(pk__in=doomed.values("pk"))
    return set(others.values_list("content", flat=True))


def twin_of(project: Project) -> Project | None:
    """Another of the person's projects that shows the same bytes: the one that counts them, if it is another."""
    others = Project.objects.filter(content=project.content_id).exclude(pk=project.pk)
    return others.order_by("-file_size_bytes", "pk").first()


def settle(contents: Iterable[int], *given: Project) -> None:
    """After projects were saved, trashed, restored or deleted: see that the right one counts each of `contents`.

    What nobody shows any more is deleted, what only versions show is lent. The `given` instances follow; any other
    project that counts more or less from now on has changed for its readers, and gets a new version."""
    known = {project.pk: project for project in given}
    keys = sorted(contents)
    for start in range(0, len(keys), AT_ONCE):
        found = list(bearings(Content.objects.filter(pk__in=keys[start : start + AT_ONCE])))
        gone = [bearing.content for bearing in found if bearing.heir is None and not bearing.has_versions]
        if gone:
            blobs.discard(Content.objects.filter(pk__in=gone))
        _lend(found)
        for bearing in found:
            if bearing.heir and bearing.size_bytes and bearing.heir != bearing.bearer:
                _count(bearing.bearer, 0, known)
                _count(bearing.heir, bearing.size_bytes, known)


def _lend(found: Iterable[Bearing]) -> None:
    changed = [bearing.content for bearing in found if bearing.lent is (bearing.heir is not None)]
    if changed:
        Content.objects.filter(pk__in=changed).update(lent=~F("lent"))


def bearings(contents: QuerySet[Content]) -> Iterator[Bearing]:
    """Who counts each content, and who should."""
    shown_by = Project.objects.filter(content=OuterRef("pk"))
    in_trash = ExpressionWrapper(Q(trashed_at__isnull=False), BooleanField())
    heir = shown_by.order_by(in_trash, "pk").values("pk")[:1]
    bearer = shown_by.order_by().filter(file_size_bytes__gt=0).values("pk")[:1]
    versions = Exists(ProjectVersion.objects.filter(content=OuterRef("pk")))
    found = contents.annotate(heir=Subquery(heir), bearer=Subquery(bearer), has_versions=versions)
    return (Bearing(*row) for row in found.values_list("pk", "size_bytes", "bearer", "heir", "lent", "has_versions"))


def _count(pk: int | None, size: int, known: dict[int, Project]) -> None:
    if pk is None:
        return
    Project.objects.filter(pk=pk).update(file_size_bytes=size)
    if pk in known:
        known[pk].file_size_bytes = size
        return
    Project.objects.filter(pk=pk).update(version=F("version") + 1)
    project = Project.objects.select_related("user", "app").get(pk=pk)
    events.record(user=project.user, type="project.saved", data=project.facts())
