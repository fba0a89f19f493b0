"""What the measurements of the proof say."""

from typing import Any

from benchmarks.tables import table
from benchmarks.targets import Target, number

HEAD = ["entries", "seconds", "entries a second", "CPU s", "MB at most"]
# Constant, but for what a Python that runs longer does not give back.
GROWTH = 1.2


def targets(database: str, facts: dict[str, Any]) -> list[Target]:
    short, long = facts["checks"]
    text = f"memory of `check_ledger`, {long['entries']:,} entries × {short['entries']:,}"
    return [Target(text, database, GROWTH, long["peak_bytes"] / short["peak_bytes"], at_most=True)]


def section(_: str, facts: dict[str, Any]) -> str:
    return f"{table(HEAD, [_row(check) for check in facts['checks']])}\n"


def _row(check: dict[str, float]) -> list[str]:
    figures = [check["seconds"], check["entries"] / check["seconds"], check["cpu"], check["peak_bytes"] / 1e6]
    return [f"{check['entries']:,}", *(number(figure) for figure in figures)]
