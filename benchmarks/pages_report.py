"""What the measurements of pages say."""

from typing import Any

from benchmarks.figures import Series
from benchmarks.plots import Bar, Chart
from benchmarks.tables import table
from benchmarks.targets import Target, number

NAMES = {
    "home": "home",
    "projects": "projects",
    "list": "projects as a list",
    "projects_last": "projects, the last page",
    "search": "projects, a search that half match",
    "picture": "a picture",
    "text": "a text",
    "storage": "storage",
    "credits": "credits",
    "credits_90": "credits, 90 days, far back",
    "account": "account",
}
MOST_SECONDS = 0.1


def _read(facts: dict[str, Any]) -> dict[str, Series]:
    return {one["name"]: Series.of(one) for one in facts["series"]}


def targets(database: str, facts: dict[str, Any]) -> list[Target]:
    slowest = max(series.per_call("cpu") for series in _read(facts).values())
    return [Target("CPU ms of the slowest page", database, 1000 * MOST_SECONDS, 1000 * slowest, at_most=True)]


def section(_: str, facts: dict[str, Any]) -> str:
    rows = [[NAMES[name], *_figures(series)] for name, series in _read(facts).items()]
    return f"{table(['page', 'ms', 'CPU ms'], rows)}\n"


def _figures(series: Series) -> list[str]:
    return [number(1000 * series.per_call("wall")), number(1000 * series.per_call("cpu"))]


def chart(database: str, facts: dict[str, Any]) -> Chart:
    """What each page costs the server."""
    each = {name: 1000 * series.per_call("cpu") for name, series in _read(facts).items()}
    bars = [Bar(NAMES[name], ms, number(ms), ours=True) for name, ms in each.items()]
    about = f"{database}, {facts['projects']:,} projects, {facts['entries']:,} entries"
    return Chart("Milliseconds of CPU for a page", about, bars, 1000 * MOST_SECONDS, "100 ms at most")
