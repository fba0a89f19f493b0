"""The feed: gives every committed event its place, once, and reads events in that order.

The key of an event is drawn before its transaction ends, so a reader who has seen key 6 may still meet key 5. Positions
are given by readers afterwards, one reader at a time, to what has been committed: nothing ever appears behind one."""

from django.db import transaction
from django.db.models import QuerySet

from accounts import walls
from accounts.models import Event, Feed

BATCH = 500


def since(events: QuerySet[Event], *, after: int, limit: int) -> list[Event]:
    """The next `limit` of `events` behind position `after`, in order, everything committed by now included."""
    number()
    columns = ("position", "type", "data", "created_at", "user__user_id")
    return list(events.filter(position__gt=after).select_related("user").only(*columns).order_by("position")[:limit])


def head() -> int:
    """The position of the latest committed event, 0 before the first."""
    number()
    return Feed.objects.values_list("last_position", flat=True).first() or 0


def reached() -> int:
    """The last position given out so far: whatever is committed from now on gets a later one. Changes nothing.

    A page reads this before anything else and then listens from there."""
    return Feed.objects.values_list("last_position", flat=True).first() or 0


def number() -> None:
    """Give a position to every committed event that has none."""
    with walls.everyone():
        while Event.objects.filter(position__isnull=True).exists():
            _number_some()


@transaction.atomic
def _number_some() -> None:
    feed, _ = Feed.objects.select_for_update().get_or_create(pk=1)
    # Read only once the lock is held: what another reader has just numbered is then seen as numbered.
    waiting = list(Event.objects.filter(position__isnull=True).order_by("id").only("id")[:BATCH])
    for position, event in enumerate(waiting, start=feed.last_position + 1):
        event.position = position
    Event.objects.bulk_update(waiting, ["position"])
    feed.last_position += len(waiting)
    feed.save(update_fields=["last_position"])
