"""Many projects trashed, restored or deleted at once: one transaction, an outcome for every code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.errors import AppMismatch, DomainError
from accounts.models import ClientApp, User
from credits import services as credits
from workspace.models import Cause, Project
from workspace.services.deleting import set_trashed
from workspace.services.erasing import UNTOLD, erase
from workspace.services.projects import ProjectNotFound
from workspace.services.statement import workspace_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one code: its project as it is now (or was, when it is gone), or why nothing was done.

    `undo` is the request that takes it back, where what was there could be kept; `changed` is False where there was
    nothing to do."""

    code: str
    project: Project | None = None
    freed_bytes: int = 0
    refusal: DomainError | None = None
    undo: dict[str, Any] | None = None
    changed: bool = True

    @property
    def done(self) -> bool:
        """Whether it was done now: not refused, and not as it should be before."""
        return self.refusal is None and self.changed

    def facts(self) -> dict[str, Any]:
        """The outcome as the API shows it."""
        if self.refusal is not None:
            why = {"code": self.refusal.code, "detail": self.refusal.detail}
            return {"project_code": self.code, "status": self.refusal.status, **why}
        assert self.project is not None
        return {
            "project_code": self.code,
            "status": 200,
            "title": self.project.title,
            "file_size_bytes": self.project.file_size_bytes,
            "freed_bytes": self.freed_bytes,
            "trashed_at": self.project.trashed_at,
            "version": self.project.version,
            **({"undo": self.undo} if self.undo else {}),
        }


@transaction.atomic
def trash_many(*, user: User, app: ClientApp | None, project_codes: Sequence[str]) -> list[Outcome]:
    """Move projects to the trash, where they count until purged. Those there already are left as they are.

    `app` is None when their owner acts; an app moves its own only. What cannot be moved has its refusal in its
    outcome, and the others move all the same. A constant number of statements."""
    credits.lock_owner(user=user)
    outcomes = sorted_out(user, app, project_codes)
    set_trashed(user, [project for project in found(outcomes) if project.trashed_at is None], timezone.now())
    return outcomes


@transaction.atomic
def restore_many(*, user: User, app: ClientApp | None, project_codes: Sequence[str]) -> list[Outcome]:
    """Take projects out of the trash; otherwise as `trash_many`. They counted all along, so they always fit.

    The outcome of one that was in no trash is not `changed`."""
    credits.lock_owner(user=user)
    outcomes = sorted_out(user, app, project_codes)
    moving = [project for project in found(outcomes) if project.trashed_at is not None]
    set_trashed(user, moving, None)
    return [replace(outcome, changed=outcome.project in moving) for outcome in outcomes]


@transaction.atomic
def purge_many(*, user: User, app: ClientApp | None, project_codes: Sequence[str]) -> list[Outcome]:
    """Delete projects for good, in the trash or not; otherwise as `trash_many`. Each outcome says what it freed."""
    credits.lock_owner(user=user)
    outcomes = sorted_out(user, app, project_codes)
    doomed = Project.objects.filter(pk__in=[project.pk for project in found(outcomes)])
    freed = erase(workspace_of(user=user), doomed, Cause.PURGED)
    return [Outcome(it.code, it.project, freed.get(it.code, 0), it.refusal) for it in outcomes]


def sorted_out(
    user: User, app: ClientApp | None, codes: Sequence[str], unread: Sequence[str] = UNTOLD
) -> list[Outcome]:
    """In the order of the codes: what may be changed, loaded without what stays `unread`, and what may not."""
    owned = Project.objects.owned_by(user).select_related("app", "user").defer(*unread)
    known = {project.code: project for project in owned.filter(code__in=codes)}
    return [_outcome(code, known.get(code), app) for code in codes]


def _outcome(code: str, project: Project | None, app: ClientApp | None) -> Outcome:
    if project is None:
        return Outcome(code, refusal=ProjectNotFound("There is no such project."))
    if app is not None and project.app_id != app.pk:
        return Outcome(code, refusal=AppMismatch("An app changes only the projects it made."))
    return Outcome(code, project)


def found(outcomes: Sequence[Outcome]) -> list[Project]:
    """The projects that may be changed."""
    return [outcome.project for outcome in outcomes if outcome.project is not None]
