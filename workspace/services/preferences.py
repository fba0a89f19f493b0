"""What a person chose to happen when something does not fit, and when to hear that it soon will not."""

from django.db import transaction

from accounts.errors import InvalidField
from accounts.models import User
from credits import services as credits
from workspace.models import Workspace
from workspace.services.statement import workspace_of

# Pictures with a longer edge gain nothing on most screens (docs, compression).
LONG_EDGE = 2_048
EDGES = range(256, 16_385)
PERCENT = range(101)


@transaction.atomic
def set_preferences(*, user: User, make_room_from_trash: bool, fit: bool, max_edge: int | None) -> Workspace:
    """Choose for every save from now on, whichever app makes it.

    `make_room_from_trash`: what does not fit takes the room of what has lain in the trash longest. `fit`: a picture
    that does not fit may lose quality, down to the stated floor. `max_edge`: pictures are reduced to this long edge,
    in pixels; None leaves them as large as they come. Raises InvalidField for an edge outside 256 to 16,384."""
    if max_edge is not None and max_edge not in EDGES:
        raise InvalidField("max_edge", f"Must be from {EDGES[0]:,} to {EDGES[-1]:,} pixels.")
    credits.lock_owner(user=user)
    workspace = workspace_of(user=user)
    workspace.make_room_from_trash, workspace.fit, workspace.max_edge = make_room_from_trash, fit, max_edge
    workspace.save(update_fields=["make_room_from_trash", "fit", "max_edge"])
    return workspace


@transaction.atomic
def set_full_mark(*, user: User, percent: int) -> Workspace:
    """Tell the person when their workspace is `percent` full, 1 to 100; 0 tells them nothing.

    What is used already is no news: the next notice needs fewer bytes than the mark first. Raises InvalidField."""
    if percent not in PERCENT:
        raise InvalidField("full_mark", "Must be from 0 to 100 percent.")
    credits.lock_owner(user=user)
    workspace = workspace_of(user=user)
    workspace.full_mark = percent
    workspace.save(update_fields=["full_mark"])
    return workspace
