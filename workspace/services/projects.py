"""The life of a project: saved and paid for in one transaction, changed, trashed, restored, gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.http import parse_etags

from accounts import events
from accounts.errors import AppMismatch, DomainError, InvalidField
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Entry
from workspace import content
from workspace.content import Prepared
from workspace.models import Content, IssuedCode, Project, ProjectQuerySet, Workspace, new_code
from workspace.services.storage import take_bytes, workspace_of

TRASH_DAYS = 30


class ProjectNotFound(DomainError):
    """No such code among this person's projects; another person's code answers the same."""

    code = "project_not_found"
    status = 404
    title = "Project not found"


class VersionMismatch(DomainError):
    """The project changed since the caller read it."""

    code = "version_mismatch"
    status = 412
    title = "Version mismatch"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save made true: the project, whether it is new, how full the workspace is, and what was paid."""

    project: Project
    created: bool
    workspace: Workspace
    entry: Entry | None


@transaction.atomic
def save_project(
    *,
    user: User,
    app: ClientApp,
    project_type: str,
    title: str,
    prepared: Prepared,
    metadata: dict[str, Any] | None = None,
    tags: list[str] | None = None,
    favourite: bool | None = None,
    project_code: str = "",
    if_match: str = "",
    charge: dict[str, Any] | None = None,
    hold_id: str = "",
    wanted_code: str = "",
) -> Saved:
    """Store a new project, or new content for `app`'s own `project_code`, and take its price in one transaction.

    `charge` is what `credits.services.charge` takes; with `hold_id` the hold is captured, for `charge`'s amount when
    given. `wanted_code` is the code of a new project, unless somebody ever had it. Raises WorkspaceFull,
    InsufficientCredits, ProjectNotFound, AppMismatch, VersionMismatch and what a capture raises; then neither bytes
    nor credits moved."""
    credits.lock_owner(user=user)
    old = _own(user, app, project_code, if_match) if project_code else None
    project = old or Project(user=user, app=app, code=_issue_code(wanted_code))
    delta = prepared.counted_bytes - (old.file_size_bytes if old else 0)
    entry = _pay(user, app, project.code, title, charge, hold_id)
    workspace = take_bytes(user, delta)
    project.project_type, project.title = project_type, title
    project.metadata = project.metadata if metadata is None else metadata
    project.tags = project.tags if tags is None else tags
    project.favourite = project.favourite if favourite is None else favourite
    _store(project, prepared)
    return Saved(project, old is None, workspace, entry)


def _pay(
    user: User, app: ClientApp, code: str, title: str, charge: dict[str, Any] | None, hold_id: str
) -> Entry | None:
    terms = {"description": title, **(charge or {})}
    if hold_id:
        amount, description = terms.get("amount"), str(terms["description"])
        if terms.get("operation"):
            raise InvalidField("charge", "A hold is captured for an amount: it keeps the price it was made at.")
        _, entry = credits.capture(
            user=user, app=app, hold_id=hold_id, amount=amount, description=description, project_code=code
        )
        if entry is not None and entry.project_code != code:
            raise credits.HoldSettled("This hold has already paid for another project.")
        return entry
    return credits.charge(user=user, app=app, project_code=code, **terms) if charge else None


def _issue_code(wanted: str = "") -> str:
    """A code nobody ever had: the wanted one when that is so, or a random one."""
    while True:
        code, wanted = wanted or new_code(), ""
        try:
            with transaction.atomic():
                IssuedCode.objects.create(code=code)
        except IntegrityError:
            continue
        return code


def _store(project: Project, prepared: Prepared) -> None:
    """Write the project's row and bytes, and the fact that it was saved."""
    project.file_size_bytes, project.original_size_bytes = prepared.counted_bytes, prepared.original_bytes
    project.content_type, project.encoding = prepared.content_type, prepared.encoding
    project.content_hash, project.encoder = prepared.hash, prepared.encoder
    project.width, project.height, project.excerpt = prepared.width, prepared.height, prepared.excerpt
    project.search_text = searchable(project, prepared.text)
    _touch(project)
    fields = {"data": prepared.data, "thumbnail": prepared.thumbnail, "thumbnail_type": prepared.thumbnail_type}
    Content.objects.update_or_create(project=project, defaults=fields)


def _touch(project: Project) -> None:
    project.tag_index = "".join(f"\n{tag}\n" for tag in project.tags)
    if project.pk is not None:
        project.version += 1
        project.updated_at = timezone.now()
    project.save()
    events.record(user=project.user, type="project.saved", data=project.facts())


def searchable(project: Project, text: str) -> str:
    """Title, tags, metadata values and text in one case-folded string."""
    return "\n".join([project.title, *project.tags, *_strings(project.metadata), text]).casefold()


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [found for part in value.values() for found in _strings(part)]
    if isinstance(value, list):
        return [found for part in value for found in _strings(part)]
    return [] if value is None else [str(value)]


@transaction.atomic
def update_project(
    *,
    user: User,
    app: ClientApp | None,
    project_code: str,
    if_match: str = "",
    prepared: Prepared | None = None,
    changes: dict[str, Any],
) -> Project:
    """Change `title`, `metadata`, `tags` or `favourite` of a live project, and its content when `prepared` is given.

    `app` is None when its owner acts, who may change everything that is theirs. Raises ProjectNotFound, AppMismatch,
    VersionMismatch, WorkspaceFull."""
    credits.lock_owner(user=user)
    project = _own(user, app, project_code, if_match)
    text = prepared.text if prepared else content.text_of(project)
    for name in ("title", "metadata", "tags", "favourite"):
        setattr(project, name, changes.get(name, getattr(project, name)))
    if prepared is not None:
        take_bytes(user, prepared.counted_bytes - project.file_size_bytes)
        _store(project, prepared)
        return project
    project.search_text = searchable(project, text)
    _touch(project)
    return project


def _own(user: User, app: ClientApp | None, code: str, if_match: str = "") -> Project:
    """The person's live project, when `app` (None: the person) may change it and it is still as the caller saw it."""
    return _changeable(Project.objects.owned_by(user).live(), app, code, if_match)


def _any_state(user: User, app: ClientApp | None, code: str, if_match: str = "") -> Project:
    """The same, in the trash or not."""
    return _changeable(Project.objects.owned_by(user), app, code, if_match)


def _changeable(projects: ProjectQuerySet, app: ClientApp | None, code: str, if_match: str) -> Project:
    project = projects.select_related("app", "user").filter(code=code).first()
    if project is None:
        raise ProjectNotFound("There is no such project.")
    if app is not None and project.app_id != app.pk:
        raise AppMismatch("An app changes only the projects it made.")
    if if_match and not {"*", project.etag}.intersection(parse_etags(if_match)):
        raise VersionMismatch("The project has changed since it was read.", etag=project.etag, version=project.version)
    return project


@transaction.atomic
def trash(*, user: User, app: ClientApp | None, project_code: str, if_match: str = "") -> Project:
    """Move a project to the trash, where it still counts until purged. Repeating it is harmless.

    Raises ProjectNotFound, AppMismatch, VersionMismatch."""
    credits.lock_owner(user=user)
    project = _any_state(user, app, project_code)
    if project.trashed_at is None:
        _own(user, app, project_code, if_match)
        _set_trashed(project, timezone.now())
        events.record(user=user, type="project.deleted", data={**project.facts(), "permanent": False})
    return project


@transaction.atomic
def restore(*, user: User, app: ClientApp | None, project_code: str) -> Project:
    """Take a project out of the trash; it counted all along, so it always fits. Repeating it is harmless."""
    credits.lock_owner(user=user)
    project = _any_state(user, app, project_code)
    if project.trashed_at is not None:
        _set_trashed(project, None)
        events.record(user=user, type="project.saved", data=project.facts())
    return project


def _set_trashed(project: Project, at: datetime | None) -> None:
    project.trashed_at = at
    # What a reader sees has changed, and with it the ETag.
    project.version += 1
    project.save(update_fields=["trashed_at", "version"])


@transaction.atomic
def purge(*, user: User, app: ClientApp | None, project_code: str, if_match: str = "") -> int:
    """Delete a project for good, in the trash or not, and return the bytes it freed.

    Raises ProjectNotFound, AppMismatch, VersionMismatch."""
    credits.lock_owner(user=user)
    return _purge(_any_state(user, app, project_code, if_match))


def _purge(project: Project) -> int:
    freed = project.file_size_bytes
    facts = {**project.facts(), "permanent": True}
    project.delete()
    take_bytes(project.user, -freed)
    events.record(user=project.user, type="project.deleted", data=facts)
    return freed


@transaction.atomic
def empty_trash(*, user: User, before: datetime | None = None) -> tuple[int, int]:
    """Delete for good what is in the trash (since before `before` only, when given); returns projects and bytes."""
    credits.lock_owner(user=user)
    workspace_of(user=user)
    doomed = Project.objects.owned_by(user).trashed().select_related("app", "user")
    if before is not None:
        doomed = doomed.filter(trashed_at__lt=before)
    freed = [_purge(project) for project in doomed]
    return len(freed), sum(freed)


def purge_expired() -> tuple[int, int]:
    """Empty every trash of what has lain there 30 days; returns projects and bytes."""
    before = timezone.now() - timedelta(days=TRASH_DAYS)
    owners = User.objects.filter(pk__in=Project.objects.filter(trashed_at__lt=before).values("user"))
    results = [empty_trash(user=user, before=before) for user in owners.order_by("pk")]
    return sum(count for count, _ in results), sum(size for _, size in results)
