"""What the workspace offers. Every write is one transaction under the owner's lock."""

from workspace.services.adopting import adopt_project
from workspace.services.bulk import purge_many, restore_many, trash_many
from workspace.services.closing import close_account
from workspace.services.compressing import compress_many, encode_smaller
from workspace.services.deleting import empty_trash, purge, purge_expired, restore, trash
from workspace.services.finding import rebuild_search
from workspace.services.people import join
from workspace.services.preferences import set_full_mark, set_preferences
from workspace.services.projects import (
    ProjectNotFound,
    TooManyProjects,
    VersionMismatch,
    save_project,
    update_project,
)
from workspace.services.reports import storage_report
from workspace.services.reverting import VersionNotFound, restore_version
from workspace.services.statement import workspace_of
from workspace.services.storage import WorkspaceFull, hold, raise_limit, set_limit

__all__ = [
    "ProjectNotFound",
    "TooManyProjects",
    "VersionMismatch",
    "VersionNotFound",
    "WorkspaceFull",
    "adopt_project",
    "close_account",
    "compress_many",
    "empty_trash",
    "encode_smaller",
    "hold",
    "join",
    "purge",
    "purge_expired",
    "purge_many",
    "raise_limit",
    "rebuild_search",
    "restore",
    "restore_many",
    "restore_version",
    "save_project",
    "set_full_mark",
    "set_limit",
    "set_preferences",
    "storage_report",
    "trash",
    "trash_many",
    "update_project",
    "workspace_of",
]
