"""The outbox: each write appends the fact it made true, in its own transaction; and how long facts are kept."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from threading import Condition
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts import sql
from accounts.models import Event, User

KEPT = timedelta(days=30)  # contract, section 4


class Pulse:
    """Wakes threads of this process that wait for the next commit; other processes find it at their next look."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = Condition()

    def beat(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return once there was a beat after `heard` (a `count` read earlier), or `seconds` have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self.count != heard, seconds)


pulse = Pulse()


def record(*, user: User, type: str, data: dict[str, Any]) -> Event:
    """Append one fact about `user`. Call it inside the write's transaction, after the owner's row is locked,
    so that ids are in order per user and a rolled-back write leaves no trace."""
    transaction.on_commit(pulse.beat)
    return Event.objects.create(user=user, type=type, data=data)


def record_many(*, user: User, facts: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Append several facts, each a type and its data, in one statement; otherwise as `record`."""
    transaction.on_commit(pulse.beat)
    Event.objects.bulk_create(Event(user=user, type=name, data=data) for name, data in facts)


class Fact(NamedTuple):
    """What is to be recorded about a person, by their row's key."""

    user_id: int
    type: str
    data: dict[str, Any]


def recording(facts: Sequence[Fact]) -> list[sql.Statement]:
    """The statements that append `facts`, for a write that sends all its statements at once; otherwise as `record`."""
    transaction.on_commit(pulse.beat)
    now = timezone.now()
    return sql.insert(Event, (*Fact._fields, "created_at"), [(*fact, now) for fact in facts])


def prune() -> int:
    """Delete every event older than 30 days and return how many there were."""
    return Event.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
