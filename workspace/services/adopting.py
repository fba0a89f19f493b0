"""Takes over one project from another installation, as it was there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import ClientApp, User
from credits import services as credits
from workspace.content import Prepared
from workspace.models import Cause, ImportedRow, Project
from workspace.services import versions
from workspace.services.deleting import trash
from workspace.services.projects import save_project
from workspace.services.statement import workspace_of
from workspace.services.versions import Earlier


@transaction.atomic
def adopt_project(
    *,
    user: User,
    app: ClientApp,
    name: str,
    prepared: Prepared,
    facts: dict[str, Any],
    earlier: Mapping[int, Earlier],
    version: int,
    created_at: datetime,
    updated_at: datetime,
    trashed_at: datetime | None,
) -> Project:
    """Store a project with the times, the version and the place it had, and note `name`, so that it is taken over once.

    `facts` are what `save_project` takes, `earlier` its versions by number, kept as far as there is room. Raises
    WorkspaceFull; then nothing was stored."""
    credits.lock_owner(user=user)
    project = save_project(user=user, app=app, prepared=prepared, cause=Cause.IMPORTED, **facts).project
    if trashed_at is not None:
        trash(user=user, app=None, project_code=project.code)
    as_it_was = {"version": version, "created_at": created_at, "updated_at": updated_at, "trashed_at": trashed_at}
    Project.objects.filter(pk=project.pk).update(**as_it_was)
    versions.adopt(project, earlier)
    versions.trim(workspace_of(user=user))
    ImportedRow.objects.create(name=name)
    return project
