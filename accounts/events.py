"""The outbox: each write appends the fact it made true, in its own transaction."""

from typing import Any

from accounts.models import Event, User


def record(*, user: User, type: str, data: dict[str, Any]) -> Event:
    """Append one fact about `user`. Call it inside the write's transaction, after the owner's row is locked,
    so that ids are in order per user and a rolled-back write leaves no trace."""
    return Event.objects.create(user=user, type=type, data=data)
