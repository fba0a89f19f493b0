"""What the workspace offers. Every write is one transaction under the owner's lock."""

from workspace.services.people import join
from workspace.services.projects import (
    ProjectNotFound,
    VersionMismatch,
    empty_trash,
    purge,
    purge_expired,
    restore,
    save_project,
    trash,
    update_project,
)
from workspace.services.storage import LimitBelowUsed, WorkspaceFull, hold, set_limit, storage_report, workspace_of

__all__ = [
    "LimitBelowUsed",
    "ProjectNotFound",
    "VersionMismatch",
    "WorkspaceFull",
    "empty_trash",
    "hold",
    "join",
    "purge",
    "purge_expired",
    "restore",
    "save_project",
    "set_limit",
    "storage_report",
    "trash",
    "update_project",
    "workspace_of",
]
