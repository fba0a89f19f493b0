"""What the measurements of a long history say."""

from typing import Any

from benchmarks.figures import Cost, Series, times_as_fast
from benchmarks.tables import table
from benchmarks.targets import Target, number

NAMES = {
    "short": "{:,}",
    "long": "{:,}",
    "short_capped": "{:,}, with a daily cap",
    "long_capped": "{:,}, with a daily cap",
}
HEAD = ["entries before", "ms", "CPU ms", "× the time", "× the CPU"]


def read(facts: dict[str, Any]) -> dict[str, Series]:
    series = [Series.of(one) for one in facts["series"]]
    return {one.name: one for one in series}


def targets(database: str, facts: dict[str, Any]) -> list[Target]:
    found = read(facts)

    def target(cost: Cost, what: str) -> Target:
        text = f"{what} of a charge, {facts['entries']['long']:,} entries × {facts['entries']['short']}"
        return Target(text, database, 1.15, times_as_fast(found["short"], found["long"], cost), at_most=True)

    return [target("wall", "time"), target("cpu", "CPU")]


def section(_: str, facts: dict[str, Any]) -> str:
    found = read(facts)
    rows = [
        _row(NAMES[name], facts["entries"][name.removesuffix("_capped")], series, found["short"])
        for name, series in found.items()
    ]
    return f"{table(HEAD, rows)}\n"


def _row(name: str, entries: int, series: Series, short: Series) -> list[str]:
    costs: tuple[Cost, Cost] = ("wall", "cpu")
    each = [number(1000 * series.per_call(cost)) for cost in costs]
    return [name.format(entries), *each, *(number(times_as_fast(short, series, cost)) for cost in costs)]
