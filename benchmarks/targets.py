"""What the measurements must reach, and whether they do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: `got` is what was measured, None where there was nothing to measure it on."""

    text: str
    where: str
    wanted: float
    got: float | None
    at_most: bool = False

    @property
    def reached(self) -> bool:
        if self.got is None:
            return False
        return self.got <= self.wanted if self.at_most else self.got >= self.wanted

    def cells(self) -> list[str]:
        """A row of the table of targets."""
        sign = "≤" if self.at_most else "≥"
        got = "not measured" if self.got is None else number(self.got)
        return [
            self.text,
            self.where,
            f"{sign} {number(self.wanted)}",
            got,
            "reached" if self.reached else "**missed**",
        ]


def number(value: float) -> str:
    """A figure with as many digits as mean something: 12,345 · 123 · 12.3 · 1.23 · 0.123."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
