"""The quota: how much room there is, taking and giving back bytes, and what to do when they do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from accounts.errors import DomainError
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Hold
from workspace.models import Cause, Project, Workspace
from workspace.services import versions
from workspace.services.erasing import purge_oldest
from workspace.services.sharing import freed_by
from workspace.services.statement import Change, announce, post, workspace_of
from workspace.services.suggestions import to_make_room


@dataclass(frozen=True, slots=True)
class Reserved:
    """Credits and bytes set aside, and the workspace they are set aside in: what was purged to make room for them."""

    hold: Hold
    workspace: Workspace


class WorkspaceFull(DomainError):
    """The bytes do not fit. Nothing was stored and nothing was paid."""

    code = "workspace_full"
    status = 507
    title = "Workspace full"


def take_bytes(user: User, delta: int, *, cause: Cause, project: Project) -> Workspace:
    """Change the used bytes by `delta` under the owner's lock, and say why; an exact fit succeeds.

    Shrinking always succeeds, so that nobody is locked out of a full workspace. Raises WorkspaceFull."""
    return move_bytes(user, [Change(cause, delta, project)])


def move_bytes(user: User, changes: Sequence[Change]) -> Workspace:
    """Several changes at once, of which only the sum must fit, in a constant number of statements.

    The caller holds the owner's lock. Raises WorkspaceFull."""
    workspace = workspace_of(user=user)
    require_room(workspace, sum(change.delta_bytes for change in changes))
    post(workspace, changes)
    return workspace


def require_room(workspace: Workspace, required: int) -> None:
    """Raise WorkspaceFull unless `required` more bytes fit; nothing and less than nothing always fit.

    When its owner chose so, what has lain in the trash longest is purged first, as far as that makes it fit:
    `workspace.made_room` says what."""
    room = _free(workspace)
    if workspace.make_room_from_trash and required > max(0, room):
        workspace.made_room = purge_oldest(workspace, required - room)
        room += sum(workspace.made_room.values())
    if required > max(0, room):
        raise _full(workspace.user, required, room)


def _free(workspace: Workspace) -> int:
    """Bytes that are neither used nor reserved; below zero in a workspace that is over full."""
    return workspace.limit_bytes - workspace.used_bytes - credits.reserved_bytes(user=workspace.user)


@transaction.atomic
def set_limit(*, user: User, limit_bytes: int) -> Workspace:
    """Give the person `limit_bytes` of room. Nothing is lost when they already use more.

    The workspace is over full then: it can be read, emptied and downloaded, and takes nothing until there is room."""
    credits.lock_owner(user=user)
    workspace = workspace_of(user=user)
    if limit_bytes != workspace.limit_bytes:
        workspace.limit_bytes = limit_bytes
        workspace.excess_bytes = max(0, workspace.used_bytes - limit_bytes)
        workspace.save(update_fields=["limit_bytes", "excess_bytes"])
        versions.trim(workspace)
        announce(workspace)
    return workspace


@transaction.atomic
def raise_limit(*, user: User, required_bytes: int) -> Workspace:
    """Raise the person's limit by as much as `required_bytes` more need; not at all when they fit already."""
    credits.lock_owner(user=user)
    workspace = workspace_of(user=user)
    missing = required_bytes - _free(workspace)
    return set_limit(user=user, limit_bytes=workspace.limit_bytes + missing) if missing > 0 else workspace


def room_for(*, user: User, replacing: Project | None = None) -> int:
    """Bytes a new project could take now, counting what it replaces as free."""
    workspace = workspace_of(user=user)
    freed = freed_by([replacing]) if replacing else 0
    return max(0, _free(workspace) + freed + _spare(workspace))


def missing_for(*, user: User, required_bytes: int) -> int:
    """Bytes to be freed by hand before `required_bytes` more fit."""
    workspace = workspace_of(user=user)
    missing = required_bytes - _free(workspace)
    return missing if missing > _spare(workspace) else 0


def _spare(workspace: Workspace) -> int:
    """Bytes in the trash, when its owner chose that what does not fit takes their room."""
    if not workspace.make_room_from_trash:
        return 0
    trashed = Project.objects.owned_by(workspace.user).trashed()
    return trashed.aggregate(size=Sum("file_size_bytes"))["size"] or 0


def _full(user: User, required: int, room: int) -> WorkspaceFull:
    available = max(0, room)
    return WorkspaceFull(
        f"This needs {required:,} bytes and {available:,} are available. Nothing was stored and nothing was charged.",
        required_bytes=required,
        available_bytes=available,
        missing_bytes=required - room,
        suggestions=[suggestion.facts(user) for suggestion in to_make_room(user, required - room)],
        make_room_url=f"{settings.PUBLIC_URL}/storage/",
    )


@transaction.atomic
def hold(*, user: User, app: ClientApp, storage_bytes: int = 0, **terms: Any) -> Reserved:
    """Set credits and bytes aside together, all or nothing. `terms` are those of `credits.services.hold`.

    Raises WorkspaceFull besides what that raises."""
    credits.lock_owner(user=user)
    workspace = workspace_of(user=user)
    require_room(workspace, storage_bytes)
    held = credits.hold(user=user, app=app, storage_bytes=storage_bytes, **terms)
    if storage_bytes:
        versions.trim(workspace)
    return Reserved(held, workspace)
