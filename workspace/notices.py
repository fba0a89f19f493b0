"""Tells a person that their storage fills up: an event and an email, once each time the used bytes rise to the mark."""

from accounts import events, mail, sql
from workspace.models import Workspace

KIND = "storage.low"


def tell_if_low(workspace: Workspace, *, before: int) -> None:
    """Say that the used bytes, `before` until now, have just risen to the owner's mark or past it, if they have.

    The owner is locked, so one change alone crosses the mark; the next notice needs fewer bytes than it first. The mail
    leaves after the commit (accounts.mail)."""
    line = workspace.limit_bytes * workspace.full_mark
    if not line or not 100 * before < line <= 100 * workspace.used_bytes:
        return
    facts = {
        "storage_used_bytes": workspace.used_bytes,
        "storage_limit_bytes": workspace.limit_bytes,
        "used_percent": 100 * workspace.used_bytes // workspace.limit_bytes,
        "threshold_percent": workspace.full_mark,
    }
    events.record(user=workspace.user, type=KIND, data=facts)
    sql.write(*mail.queueing([(workspace.user_id, "workspace/low_storage", facts)]))
