"""Going back: a project shows again what one of its earlier versions showed."""

from django.db import transaction
from django.utils import timezone

from accounts import events
from accounts.errors import DomainError
from accounts.models import ClientApp, User
from credits import services as credits
from workspace.models import Cause, Content, Project, ProjectVersion
from workspace.services import finding, sharing, versions
from workspace.services.projects import own
from workspace.services.storage import take_bytes


class VersionNotFound(DomainError):
    """The project has no such version any more, or never had: old ones make way when room is needed."""

    code = "version_not_found"
    status = 404
    title = "Version not found"


@transaction.atomic
def restore_version(
    *, user: User, app: ClientApp | None, project_code: str, number: int, if_match: str = ""
) -> Project:
    """Let a live project show again what its version `number` showed; what it shows now becomes a version.

    Title, tags and metadata stay as they are. Costs the difference in bytes, which always fits, as a version is there
    only while there is room for it; no credits. Raises ProjectNotFound, AppMismatch, VersionMismatch,
    VersionNotFound."""
    credits.lock_owner(user=user)
    project = own(user, app, project_code, if_match)
    version = ProjectVersion.objects.filter(project=project, number=number).first()
    if version is None:
        raise VersionNotFound("There is no such version of this project.")
    if version.content_id == project.content_id:
        return project
    _show_again(project, version)
    events.record(user=user, type="project.saved", data=project.facts())
    return project


def _show_again(project: Project, version: ProjectVersion) -> None:
    content = Content.objects.defer("data", "thumbnail").get(pk=version.content_id)
    freed = sharing.freed_by([project])
    delta = (content.size_bytes if content.lent else 0) - freed
    workspace = take_bytes(project.user, delta, cause=Cause.UPDATED, project=project)
    versions.keep([project])
    had = project.content_id
    sharing.show(project, content, is_new=False)
    for fact in versions.FACTS:
        setattr(project, fact, getattr(version, fact))
    project.version += 1
    project.updated_at = timezone.now()
    project.save()
    sharing.settle([had, content.pk], project)
    finding.index(project, finding.body_of(project))
    versions.trim(workspace)
