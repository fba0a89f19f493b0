"""The ladder that makes a picture fit: quality first, down to a floor, then size. Never silently below the floor."""

from __future__ import annotations

import math

from workspace.image_encoding import JSON, LOWER_QUALITY, Candidate, shrink, top_quality, write_at
from workspace.image_opening import Picture

FLOOR = LOWER_QUALITY
# The last two are those of a picture of 1024 x 1024.
SMALLER_SIDES = (2_048, 1_536, 1_280, 1_024, 896, 768)
# log(bytes) gained per point of quality.
SLOPE = 0.034
PROBES = 3
FULL_ENOUGH = 0.96


def fit(picture: Picture, first: Candidate, max_bytes: int, speed: int) -> tuple[Candidate, dict[str, JSON]]:
    """Lower the quality of what was written `first`, then its size, until it takes at most max_bytes.

    Returns the best that fits, or the smallest tried when nothing does, and a record of what was done."""
    ladder = _Ladder(picture, first, max_bytes, speed)
    best = first if len(first.data) <= max_bytes else ladder.descend()
    chosen = best or min(ladder.steps, key=lambda step: len(step.data))
    tried: list[JSON] = [_facts(step) for step in ladder.steps]
    record: dict[str, JSON] = {
        "max_bytes": max_bytes,
        "fits": best is not None,
        "applied": chosen is not first,
        "from": _facts(first),
        "to": _facts(chosen),
        "tried": tried,
    }
    return chosen, record


def _facts(step: Candidate) -> dict[str, JSON]:
    return {"q": step.settings["q"], "width": step.size[0], "height": step.size[1], "bytes": len(step.data)}


class _Ladder:
    """One descent, with all that was written on the way."""

    def __init__(self, picture: Picture, first: Candidate, max_bytes: int, speed: int) -> None:
        self.steps = [first]
        self._picture, self._max_bytes, self._speed = picture, max_bytes, speed
        self._top = top_quality(picture)

    def descend(self) -> Candidate | None:
        known = (self._top, math.log(len(self.steps[0].data)))
        best = self._search(self._picture, known, self._top - 1)
        for side in self._sides():
            if best is None and self._may_fit(side):
                best = self._search(shrink(self._picture, side), self._guess(side), self._top)
        return best

    def _sides(self) -> list[int]:
        return [side for side in SMALLER_SIDES if side < max(self._picture.size)]

    def _may_fit(self, side: int) -> bool:
        """Whether a try at this size is worth its time; the last one always is."""
        quality, size = self._guess(side)
        at_floor = size - (quality - FLOOR) * SLOPE
        return at_floor <= math.log(max(self._max_bytes, 1)) or side == self._sides()[-1]

    def _guess(self, side: int) -> tuple[int, float]:
        """Quality and log(bytes) of the last step, had it been of this size."""
        last = self.steps[-1]
        return int(str(last.settings["q"])), math.log(len(last.data)) + 2 * math.log(side / max(last.size))

    def _write(self, picture: Picture, quality: int) -> Candidate:
        made = write_at(picture, quality, self._speed)
        self.steps.append(made)
        return made

    def _search(self, picture: Picture, known: tuple[int, float], top: int) -> Candidate | None:
        """Secant on log(bytes) over quality, at most PROBES times; the highest quality that fits."""
        goal, slope, best = math.log(max(self._max_bytes, 1)), SLOPE, None
        low, high = FLOOR, top
        for _ in range(PROBES):
            quality = min(max(math.floor(known[0] + (goal - known[1]) / slope), low), high)
            made = self._write(picture, quality)
            size = math.log(len(made.data))
            if quality != known[0] and (size - known[1]) * (quality - known[0]) > 0:
                slope = (size - known[1]) / (quality - known[0])
            known = (quality, size)
            if len(made.data) <= self._max_bytes:
                best, low = made, quality + 1
                if len(made.data) >= FULL_ENOUGH * self._max_bytes:
                    break
            else:
                high = quality - 1
            if low > high:
                return best
        # Lower quality comes before smaller size: the floor is tried before this size is given up.
        return best or self._if_fits(self._write(picture, FLOOR))

    def _if_fits(self, made: Candidate) -> Candidate | None:
        return made if len(made.data) <= self._max_bytes else None
