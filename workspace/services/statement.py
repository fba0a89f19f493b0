"""The byte statement: the one place that changes a workspace's used bytes, and says why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import F, Value
from django.db.models.functions import Greatest, Least

from accounts import events
from accounts.models import User
from workspace import notices
from workspace.models import Cause, Project, StorageEntry, Workspace


@dataclass(frozen=True, slots=True)
class Change:
    """`delta_bytes` more (or, below zero, fewer) used bytes because of what happened to `project`."""

    cause: Cause
    delta_bytes: int
    project: Project


def workspace_of(*, user: User) -> Workspace:
    """The person's workspace, opened on first touch."""
    workspace = Workspace.objects.filter(pk=user.pk).first() or open_workspace(user)
    workspace.user, workspace.made_room = user, {}
    return workspace


def open_workspace(user: User) -> Workspace:
    """The person's workspace, made when it is missing."""
    workspace, _ = Workspace.objects.get_or_create(user=user)
    return workspace


def post(workspace: Workspace, changes: Sequence[Change]) -> None:
    """Append one entry for each change and bring the workspace up to them, in a constant number of statements.

    The caller holds the owner's lock, has read `workspace` under it, and has seen that the changes fit: growing past
    the limit violates a constraint. What was over full shrinks with every byte that is freed."""
    net = sum(change.delta_bytes for change in changes)
    StorageEntry.objects.bulk_create(_entries(workspace, changes))
    used = F("used_bytes") + net
    Workspace.objects.filter(pk=workspace.pk).update(
        used_bytes=used,
        excess_bytes=Least(F("excess_bytes"), Greatest(Value(0), used - F("limit_bytes"))),
        entry_count=F("entry_count") + len(changes),
    )
    workspace.used_bytes += net
    workspace.excess_bytes = min(workspace.excess_bytes, max(0, workspace.used_bytes - workspace.limit_bytes))
    workspace.entry_count += len(changes)
    if any(change.delta_bytes for change in changes):
        announce(workspace)
    notices.tell_if_low(workspace, before=workspace.used_bytes - net)


def _entries(workspace: Workspace, changes: Sequence[Change]) -> Iterator[StorageEntry]:
    used = workspace.used_bytes
    for number, change in enumerate(changes, workspace.entry_count + 1):
        used += change.delta_bytes
        yield StorageEntry(
            workspace=workspace,
            number=number,
            cause=change.cause,
            app_id=change.project.app_id,
            project_code=change.project.code,
            title=change.project.title,
            delta_bytes=change.delta_bytes,
            used_after_bytes=used,
        )


def announce(workspace: Workspace) -> None:
    """Append the fact that the bar moved."""
    data = {"storage_used_bytes": workspace.used_bytes, "storage_limit_bytes": workspace.limit_bytes}
    events.record(user=workspace.user, type="storage.changed", data=data)
