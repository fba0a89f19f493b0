"""Telling apps of events at an address of theirs: signed after Standard Webhooks, at least once, tried again for days.

`endpoints` are the addresses and what staff do with them, `outbox` writes down from the feed what each is to be told,
`runner` tells it; `targets` and `sending` see to it that it goes to no machine but the one that was meant."""

from accounts.webhooks.endpoints import (
    add_endpoint,
    new_secret,
    replay,
    replay_failed,
    rotate_secret,
    save_endpoint,
    send_test,
)
from accounts.webhooks.outbox import body_of
from accounts.webhooks.runner import Tally, deliver
from accounts.webhooks.sending import Answer

__all__ = [
    "Answer",
    "Tally",
    "add_endpoint",
    "body_of",
    "deliver",
    "new_secret",
    "replay",
    "replay_failed",
    "rotate_secret",
    "save_endpoint",
    "send_test",
]
