"""The arithmetic of what was measured: medians, rates, and ratios taken round by round."""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal, Self

Cost = Literal["wall", "cpu", "program"]


@dataclass(slots=True)
class Series:
    """What `calls` calls took, once per round: seconds by the clock, of the program's CPU, and of the database's.

    `database` is empty where the database works inside the program, or cannot be watched, and `program` as well where
    only the clock tells."""

    name: str
    calls: int
    wall: list[float] = field(default_factory=list)
    program: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)

    def seconds(self, cost: Cost) -> list[float]:
        """Seconds per call, round by round: by the clock, of all CPU, or of the program's CPU alone."""
        if cost == "wall":
            taken = self.wall
        elif cost == "program" or not self.database:
            taken = self.program
        else:
            taken = [program + database for program, database in zip(self.program, self.database, strict=True)]
        return [seconds / self.calls for seconds in taken]

    def per_call(self, cost: Cost) -> float:
        """The median seconds of one call."""
        return median(self.seconds(cost))

    def rate(self, cost: Cost = "wall") -> float:
        """Calls per second, by the median round."""
        return 1 / self.per_call(cost)

    def facts(self) -> dict[str, Any]:
        rounded = ([round(seconds, 4) for seconds in taken] for taken in (self.wall, self.program, self.database))
        return asdict(self) | dict(zip(("wall", "program", "database"), rounded, strict=True))

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Self:
        return cls(**facts)


def times_as_fast(one: Series, other: Series, cost: Cost) -> float:
    """How many times the calls of `other` that `one` does in the same time: the median of the rounds' own ratios."""
    return median(theirs / ours for ours, theirs in zip(one.seconds(cost), other.seconds(cost), strict=True))
