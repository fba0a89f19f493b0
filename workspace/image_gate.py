"""Who may work on a picture now: one at a time per core, two per person, and never so many that pages must wait."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.errors import DomainError

# So many wait for less than a second; and of 16 threads on 2 cores, some stay free for everything that is no picture.
PRESENT_PER_CORE = 6
LEAST_PRESENT = 12
PER_OWNER = 2


class PicturesBusy(DomainError):
    """More pictures are waiting than the machine gets through soon."""

    code = "pictures_busy"
    status = 503
    title = "Busy with pictures"


class Gate:
    """Lets one picture per core be worked on, and says how fast to be when more are waiting."""

    def __init__(self, cores: int, most: int | None = None) -> None:
        self._cores = cores
        self._most = most or max(LEAST_PRESENT, PRESENT_PER_CORE * cores)
        self._changed = threading.Condition()
        self._working = 0
        self._by_owner: Counter[object] = Counter()
        self.present = 0

    @contextmanager
    def enter(self, owner: object = None) -> Iterator[int]:
        """Wait for a turn; yields the AVIF encoder's speed. Raises PicturesBusy when too many wait already."""
        self._wait_for_turn(owner)
        try:
            yield self._speed()
        finally:
            with self._changed:
                self.present -= 1
                self._working -= 1
                self._by_owner[owner] -= 1
                self._by_owner += Counter()
                self._changed.notify_all()

    def _wait_for_turn(self, owner: object) -> None:
        with self._changed:
            if self.present >= self._most:
                raise PicturesBusy("Too many pictures are being worked on.", headers={"Retry-After": "2"})
            self.present += 1
            self._changed.wait_for(lambda: self._has_turn(owner))
            self._working += 1
            self._by_owner[owner] += 1

    def _has_turn(self, owner: object) -> bool:
        return self._working < self._cores and (owner is None or self._by_owner[owner] < PER_OWNER)

    def _speed(self) -> int:
        # Under load the encoder hurries (2.8 and 8 times), at the same quality setting.
        if self.present <= self._cores:
            return 6
        return 8 if self.present <= 2 * self._cores else 9


gate = Gate(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
