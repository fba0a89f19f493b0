"""What the measurements of lists and searches say."""

from typing import Any

from benchmarks.figures import Series, times_as_fast
from benchmarks.tables import table
from benchmarks.targets import Target, number

NAMES = {
    "newest": "the newest",
    "middle": "from the middle on",
    "app": "of one app",
    "type": "of one type",
    "tag": "with a tag",
    "title": "by title",
    "changed": "the last changed",
    "trash": "of the trash, which is empty",
    "common": "found by a word that half of them have",
    "rare": "found by a word that 20 of them have",
    "nothing": "found by a word that none has",
    "phrase": "found by two words side by side that half of them have",
    "phrases": "found by two such pairs",
    "long_phrase": "found by four words side by side that half of them have",
    "no_phrase": "not found: half have both words, but not side by side (no target: all their texts are read)",
    "best": "the best by a word that half of them have",
    "best_phrase": "the best by two words side by side",
}


def _pairs(facts: dict[str, Any]) -> dict[str, tuple[Series, Series]]:
    found = {one["name"]: Series.of(one) for one in facts["series"]}
    return {name: (found[f"{name}_few"], found[f"{name}_many"]) for name in NAMES if f"{name}_few" in found}


# Known to take longer; docs/decisions.md says why it is left so.
WITHOUT_TARGET = "no_phrase"


def targets(database: str, facts: dict[str, Any]) -> list[Target]:
    few, many = facts["projects"]["few"], facts["projects"]["many"]
    worst = max(times_as_fast(*pair, "cpu") for name, pair in _pairs(facts).items() if name != WITHOUT_TARGET)
    text = f"slowest list or search, {many:,} projects × {few}, by CPU"
    return [Target(text, database, 1.3, worst, at_most=True)]


def section(_: str, facts: dict[str, Any]) -> str:
    few, many = (f"{facts['projects'][who]:,}" for who in ("few", "many"))
    head = [f"{facts['per_page']} projects a page", f"ms of {few}", f"ms of {many}", "× the time"]
    head += [f"CPU ms of {few}", f"CPU ms of {many}", "× the CPU"]
    return f"{table(head, [_row(NAMES[name], *pair) for name, pair in _pairs(facts).items()])}\n"


def _row(name: str, few: Series, many: Series) -> list[str]:
    cells = [name]
    for cost in ("wall", "cpu"):
        each = [number(1000 * series.per_call(cost)) for series in (few, many)]
        cells += [*each, number(times_as_fast(few, many, cost))]
    return cells
