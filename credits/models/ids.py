"""Ids that sort by time."""

import secrets
import time

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
# Two at a time: ten bits each.
PAIRS = [first + second for first in CROCKFORD for second in CROCKFORD]


def sortable_id(prefix: str) -> str:
    """An opaque id that sorts by time (48 bits of milliseconds, 80 random bits, as in a ULID)."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return prefix + "".join([PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def new_entry_id() -> str:
    return sortable_id("txn_")


def new_hold_id() -> str:
    return sortable_id("hold_")
