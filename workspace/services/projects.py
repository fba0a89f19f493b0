"""A project saved and paid for in one transaction, and changed."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.http import parse_etags

from accounts import events
from accounts.errors import AppMismatch, DomainError, InvalidField
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Entry
from workspace.content import Prepared
from workspace.image_recipes import with_recipe
from workspace.models import Cause, IssuedCode, Project, ProjectQuerySet, Workspace, new_code
from workspace.services import finding, sharing, versions
from workspace.services.sharing import Placing
from workspace.services.storage import take_bytes


class ProjectNotFound(DomainError):
    """No such code among this person's projects; another person's code answers the same."""

    code = "project_not_found"
    status = 404
    title = "Project not found"


class TooManyProjects(DomainError):
    """The person has as many projects as one may have, however small, or as much in them that counts no bytes: some
    have to be deleted for good first."""

    code = "too_many_projects"
    status = 507
    title = "Too many projects"


class VersionMismatch(DomainError):
    """The project changed since the caller read it."""

    code = "version_mismatch"
    status = 412
    title = "Version mismatch"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save made true: the project, whether it is new, how full the workspace is, what was paid, and the
    person's other project that shows the same bytes, when they were there already."""

    project: Project
    created: bool
    workspace: Workspace
    entry: Entry | None
    twin: Project | None

    @property
    def deduplicated_bytes(self) -> int:
        """What this save did not take from the quota because the bytes were there."""
        return self.project.content.size_bytes if self.twin else 0


@dataclass(frozen=True, slots=True)
class Updated:
    """What a change made true: the project as it is now, and how full the workspace is when its bytes changed."""

    project: Project
    workspace: Workspace | None = None


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
    cause: Cause = Cause.SAVED,
) -> Saved:
    """Store a new project, or new content for `app`'s own `project_code`, and take its price in one transaction.

    What a picture's file said of its making completes `metadata`. `charge` is what `credits.services.charge` takes;
    with `hold_id` the hold is captured, for `charge`'s amount when given. `wanted_code` is the code of a new project,
    unless somebody ever had it, `cause` what the byte statement says of it. Raises WorkspaceFull, InsufficientCredits,
    TooManyProjects,
    ProjectNotFound, AppMismatch, VersionMismatch and what a capture raises; then neither bytes nor credits moved."""
    credits.lock_owner(user=user)
    old = own(user, app, project_code, if_match) if project_code else None
    if old is None:
        _require_place(user)
    project = old or Project(user=user, app=app, code=_issue_code(wanted_code))
    placing = sharing.placing(user, old, prepared)
    entry = _pay(user, app, project.code, title, charge, hold_id)
    kept = old is not None and versions.keep_before(old, prepared, placing)
    project.project_type, project.title = project_type, title
    workspace = take_bytes(user, placing.delta, cause=Cause.UPDATED if old else cause, project=project)
    project.metadata = with_recipe(project.metadata, metadata, prepared.recipe)
    project.tags = project.tags if tags is None else tags
    project.favourite = project.favourite if favourite is None else favourite
    _store(project, prepared, placing)
    if kept or placing.delta > 0:
        versions.trim(workspace)
    twin = sharing.twin_of(project) if placing.content else None
    return Saved(project, old is None, workspace, entry, twin)


def _require_place(user: User) -> None:
    """Raise TooManyProjects unless there may be one more; the owner's lock keeps it true."""
    count = Project.objects.owned_by(user).count()
    if count >= settings.MAX_PROJECTS:
        raise TooManyProjects(
            f"There are {count:,} projects, the trash included, and one person can have {settings.MAX_PROJECTS:,}. "
            "Nothing was stored and nothing was charged.",
            projects=count,
            max_projects=settings.MAX_PROJECTS,
            make_room_url=f"{settings.PUBLIC_URL}/storage/",
        )


def _pay(
    user: User, app: ClientApp, code: str, title: str, charge: dict[str, Any] | None, hold_id: str
) -> Entry | None:
    if not charge and not hold_id:
        return None
    try:
        return _charge_or_capture(user, app, code, {"description": title, **(charge or {})}, hold_id)
    except InvalidField as error:
        raise error.inside("charge") from None


def _charge_or_capture(user: User, app: ClientApp, code: str, terms: dict[str, Any], hold_id: str) -> Entry | None:
    if hold_id:
        amount, description = terms.get("amount"), str(terms["description"])
        if terms.get("operation"):
            raise InvalidField("operation", "A hold is captured for an amount: it keeps the price it was made at.")
        _, entry = credits.capture(
            user=user, app=app, hold_id=hold_id, amount=amount, description=description, project_code=code
        )
        if entry is not None and entry.project_code != code:
            raise credits.HoldSettled("This hold has already paid for another project.")
        return entry
    return credits.charge(user=user, app=app, project_code=code, **terms)


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


def _store(project: Project, prepared: Prepared, placing: Placing) -> None:
    """Write the project's row and bytes, and the fact that it was saved."""
    had = sharing.put(project, prepared, placing)
    sharing.describe(project, prepared, placing)
    project.original_size_bytes, project.excerpt = prepared.original_bytes, prepared.excerpt
    _touch(project)
    _index(project, prepared.words)
    if had or placing.content:
        sharing.settle([project.content_id, *([had] if had else [])], project)
    events.record(user=project.user, type="project.saved", data=project.facts())


def _index(project: Project, body: str | None = None) -> None:
    """Write what the project is found by; raise TooManyProjects where that is too much of what counts no bytes."""
    entry = finding.entry_with(project, body)
    weight = finding.weight_with(project, entry)
    if weight:
        _require_words(project.user, weight)
    finding.keep(project, entry)


def _require_words(user: User, weight: int) -> None:
    most = settings.MAX_WORDS_TIMES_LIMIT * Workspace.objects.get(user=user).limit_bytes
    if weight > most:
        raise TooManyProjects(
            f"Metadata, and texts shown more than once, make {weight:,} bytes of words to be found by, and "
            f"{most:,} is the most. Nothing was stored and nothing was charged.",
            words_bytes=weight,
            max_words_bytes=most,
            make_room_url=f"{settings.PUBLIC_URL}/storage/",
        )


def _touch(project: Project) -> None:
    project.tag_index = "".join(f"\n{tag}\n" for tag in project.tags)
    if project.pk is not None:
        project.version += 1
        project.updated_at = timezone.now()
    project.save()


@transaction.atomic
def update_project(
    *,
    user: User,
    app: ClientApp | None,
    project_code: str,
    if_match: str = "",
    prepared: Prepared | None = None,
    changes: dict[str, Any],
) -> Updated:
    """Change `title`, `metadata`, `tags` or `favourite` of a live project, and its content when `prepared` is given.

    `app` is None when its owner acts, who may change everything that is theirs. Raises ProjectNotFound, AppMismatch,
    VersionMismatch, WorkspaceFull."""
    credits.lock_owner(user=user)
    project = own(user, app, project_code, if_match)
    for name in ("title", "tags", "favourite"):
        setattr(project, name, changes.get(name, getattr(project, name)))
    found = prepared.recipe if prepared else {}
    project.metadata = with_recipe(project.metadata, changes.get("metadata"), found)
    if prepared is not None:
        placing = sharing.placing(user, project, prepared)
        versions.keep_before(project, prepared, placing)
        workspace = take_bytes(user, placing.delta, cause=Cause.UPDATED, project=project)
        _store(project, prepared, placing)
        versions.trim(workspace)
        return Updated(project, workspace)
    _touch(project)
    _index(project)
    events.record(user=user, type="project.saved", data=project.facts())
    return Updated(project)


def own(user: User, app: ClientApp | None, code: str, if_match: str = "") -> Project:
    """The person's live project, when `app` (None: the person) may change it and it is still as the caller saw it.

    A refusal says that it is in the trash to whoever could take it out."""
    owned = Project.objects.owned_by(user)
    try:
        return changeable(owned.live(), app, code, if_match)
    except ProjectNotFound:
        theirs = owned if app is None else owned.filter(app=app)
        trashed = theirs.trashed().filter(code=code).first()
        if trashed is None:
            raise
        detail = "The project is in the trash. Restore it first."
        raise ProjectNotFound(detail, trashed_at=trashed.trashed_at) from None


def changeable(projects: ProjectQuerySet, app: ClientApp | None, code: str, if_match: str = "") -> Project:
    """The one of `projects` with this code, when `app` may change it and it is still as the caller saw it.

    Raises ProjectNotFound, AppMismatch, VersionMismatch."""
    project = projects.select_related("app", "user").filter(code=code).first()
    if project is None:
        raise ProjectNotFound("There is no such project.")
    if app is not None and project.app_id != app.pk:
        raise AppMismatch("An app changes only the projects it made.")
    require_match(project, if_match)
    return project


def require_match(project: Project, if_match: str) -> None:
    """Raise VersionMismatch unless the project still is as the caller saw it; no `If-Match` asks nothing."""
    if if_match and not {"*", project.etag}.intersection(parse_etags(if_match)):
        raise VersionMismatch("The project has changed since it was read.", etag=project.etag, version=project.version)
