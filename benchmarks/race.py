"""Runs candidates in turns, so that whatever else the machine does falls on all of them alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Series

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to measure.

    `run` does it that many times; it may return the seconds it took by a better clock than ours. `cpu` reads the CPU
    seconds that the program at work has used so far, None where that would not tell; `step` is how many of `calls`
    cannot be parted."""

    name: str
    run: Callable[[int], float | None]
    cpu: Clock | None = time.process_time
    step: int = 1


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a race takes: so many rounds, and about so many seconds for each candidate's turn."""

    rounds: int
    seconds: float


def race(candidates: Sequence[Candidate], pace: Pace, database_cpu: Callable[[], float | None]) -> list[Series]:
    """Every candidate's series, taken in turns; each round starts with another candidate."""
    calls = [_calls_in(candidate, pace.seconds) for candidate in candidates]
    series = [Series(candidate.name, count) for candidate, count in zip(candidates, calls, strict=True)]
    for number in range(pace.rounds):
        start = number % len(candidates)
        for index in [*range(start, len(candidates)), *range(start)]:
            _take_turn(candidates[index], series[index], database_cpu)
    return series


def _calls_in(candidate: Candidate, seconds: float) -> int:
    """How many calls fill a turn, found by doubling them; this is the candidate's warm-up as well."""
    calls = candidate.step
    while True:
        took = _timed(candidate, calls)
        if took >= seconds / 3:
            return max(1, round(calls * seconds / took / candidate.step)) * candidate.step
        calls *= 2


def _timed(candidate: Candidate, calls: int) -> float:
    start = time.perf_counter()
    own = candidate.run(calls)
    return time.perf_counter() - start if own is None else own


def _take_turn(candidate: Candidate, series: Series, database_cpu: Callable[[], float | None]) -> None:
    if candidate.cpu is None:
        series.wall.append(_timed(candidate, series.calls))
        return
    database, program = database_cpu(), candidate.cpu()
    series.wall.append(_timed(candidate, series.calls))
    series.program.append(candidate.cpu() - program)
    after = database_cpu()
    if database is not None and after is not None:
        series.database.append(after - database)
