"""What is done without anybody asking: mail sent, overdue holds and grants settled, what is too old let go.

Every chore is safe to run twice and in several processes at once, and nothing that is read depends on when it runs."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

from django.db import connections

from accounts import access_tokens, events, idempotency, login_links, mail, sessions, webhooks
from credits import services as credits
from workspace import blobs
from workspace import services as workspace

# How often, in seconds.
CHORES: tuple[tuple[int, Callable[[], Any]], ...] = (
    (5, mail.deliver),
    (60, credits.settle_due),
    (3600, credits.expire_purchases),
    (3600, workspace.purge_expired),
    (3600, events.prune),
    (3600, idempotency.prune),
    (3600, login_links.prune),
    (3600, access_tokens.prune),
    (3600, sessions.prune),
    (3600, blobs.collect),
)

# In threads of their own, each at one address at a time: they wait for servers of strangers.
CALLS: tuple[tuple[int, Callable[[], Any]], ...] = ((1, webhooks.deliver),)
CALLERS = 3

logger = logging.getLogger(__name__)


def start() -> Thread:
    """Do the chores in a thread of this process until it ends."""
    thread = Thread(target=run, args=(Event(),), name="chores", daemon=True)
    thread.start()
    return thread


def run(stop: Event) -> None:
    """Do each chore when it is due, until `stop`. A chore that fails is logged and tried again at its next turn."""
    beside = [Thread(target=_rounds, args=(stop, CALLS), name="webhooks", daemon=True) for _ in range(CALLERS)]
    for thread in beside:
        thread.start()
    _rounds(stop, CHORES)
    for thread in beside:
        thread.join()


def _rounds(stop: Event, chores: Sequence[tuple[int, Callable[[], Any]]]) -> None:
    due = [time.monotonic()] * len(chores)
    while not stop.wait(max(0.0, min(due) - time.monotonic())):
        now = time.monotonic()
        for number, (seconds, chore) in enumerate(chores):
            if due[number] <= now:
                due[number] = now + seconds
                _do(chore)


def _do(chore: Callable[[], Any]) -> None:
    try:
        chore()
    except Exception:
        logger.exception("The chore %s failed; it is tried again at its next turn.", chore.__qualname__)
    finally:
        connections.close_all()
