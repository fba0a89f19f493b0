"""Out of sight and gone: the trash, the way back, and deleting for good."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import events
from accounts.models import ClientApp, User
from credits import services as credits
from workspace.models import Cause, Project
from workspace.services import sharing
from workspace.services.erasing import deleted, erase
from workspace.services.projects import changeable, require_match
from workspace.services.statement import Change, post, workspace_of

TRASH_DAYS = 30


@transaction.atomic
def trash(*, user: User, app: ClientApp | None, project_code: str, if_match: str = "") -> Project:
    """Move a project to the trash, where it still counts until purged. Repeating it is harmless.

    Raises ProjectNotFound, AppMismatch, VersionMismatch."""
    credits.lock_owner(user=user)
    project = _any_state(user, app, project_code)
    if project.trashed_at is None:
        require_match(project, if_match)
        set_trashed(user, [project], timezone.now())
    return project


@transaction.atomic
def restore(*, user: User, app: ClientApp | None, project_code: str) -> Project:
    """Take a project out of the trash; it counted all along, so it always fits. Repeating it is harmless."""
    credits.lock_owner(user=user)
    project = _any_state(user, app, project_code)
    if project.trashed_at is not None:
        set_trashed(user, [project], None)
    return project


def set_trashed(user: User, projects: Sequence[Project], at: datetime | None) -> None:
    """Move live projects to the trash, or with None trashed ones out of it, in a constant number of statements."""
    if not projects:
        return
    # What a reader sees has changed, and with it the ETag.
    Project.objects.filter(pk__in=[project.pk for project in projects]).update(trashed_at=at, version=F("version") + 1)
    for project in projects:
        project.trashed_at = at
        project.version += 1
    sharing.settle({project.content_id for project in projects}, *projects)
    cause = Cause.RESTORED if at is None else Cause.TRASHED
    post(workspace_of(user=user), [Change(cause, 0, project) for project in projects])
    facts = (
        [("project.saved", project.facts()) for project in projects]
        if at is None
        else deleted(projects, permanent=False)
    )
    events.record_many(user=user, facts=facts)


@transaction.atomic
def purge(*, user: User, app: ClientApp | None, project_code: str, if_match: str = "") -> int:
    """Delete a project for good, in the trash or not, and return the bytes it freed.

    Raises ProjectNotFound, AppMismatch, VersionMismatch."""
    credits.lock_owner(user=user)
    project = _any_state(user, app, project_code, if_match)
    return erase(workspace_of(user=user), Project.objects.filter(pk=project.pk), Cause.PURGED)[project.code]


@transaction.atomic
def empty_trash(*, user: User, before: datetime | None = None) -> tuple[int, int]:
    """Delete for good what is in the trash (since before `before` only, when given); returns projects and bytes."""
    credits.lock_owner(user=user)
    workspace, doomed = workspace_of(user=user), Project.objects.owned_by(user).trashed()
    if before is None:
        freed = erase(workspace, doomed, Cause.PURGED)
    else:
        freed = erase(workspace, doomed.filter(trashed_at__lt=before), Cause.EXPIRED)
    return len(freed), sum(freed.values())


def purge_expired() -> tuple[int, int]:
    """Empty every trash of what has lain there 30 days; returns projects and bytes."""
    before = timezone.now() - timedelta(days=TRASH_DAYS)
    owners = User.objects.filter(pk__in=Project.objects.filter(trashed_at__lt=before).values("user"))
    results = [empty_trash(user=user, before=before) for user in owners.order_by("pk")]
    return sum(count for count, _ in results), sum(size for _, size in results)


def _any_state(user: User, app: ClientApp | None, code: str, if_match: str = "") -> Project:
    """The person's project, in the trash or not."""
    return changeable(Project.objects.owned_by(user), app, code, if_match)
