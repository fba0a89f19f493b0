"""What the measurements of hostile files say."""

from typing import Any

from benchmarks.tables import table
from benchmarks.targets import Target, number

MEGABYTE = 1_000_000
SHOWN = 3


def targets(_: str, facts: dict[str, Any]) -> list[Target]:
    return [target for name, kind in facts["kinds"].items() for target in _of(name, kind)]


def _of(name: str, kind: dict[str, Any]) -> list[Target]:
    where = f"{len(kind['seconds'])} hostile {name}"
    seconds = max(kind["seconds"].values())
    # Where no memory is seen there is none to compare.
    grown = (kind["peak_bytes"] - kind["idle_bytes"]) / MEGABYTE or None
    return [
        Target("CPU seconds to refuse a file, at most", where, 1.0, seconds, at_most=True),
        Target("MB more than an idle server holds, at most", where, 200, grown, at_most=True),
    ]


def section(_: str, facts: dict[str, Any]) -> str:
    rows = [row for name, kind in facts["kinds"].items() for row in _rows(name, kind)]
    return f"{table(['file', 'CPU ms', 'MB held idle', 'MB held at most'], rows)}\n"


def _rows(name: str, kind: dict[str, Any]) -> list[list[str]]:
    held = [number(kind[what] / MEGABYTE) for what in ("idle_bytes", "peak_bytes")]
    worst = sorted(kind["seconds"].items(), key=lambda item: -item[1])[:SHOWN]
    each = [[file, number(1000 * seconds), "", ""] for file, seconds in worst]
    return [[f"**{len(kind['seconds'])} {name}**, the slowest:", "", *held], *each]
