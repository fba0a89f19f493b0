"""Puts the parts together: what is printed, what is kept, and the document."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    hostile_report,
    images_report,
    ledger_report,
    pages_report,
    projects_report,
    proof_report,
    wallet_report,
)
from benchmarks.plots import Chart
from benchmarks.tables import table
from benchmarks.targets import Target

Facts = dict[str, Any]
Found = dict[str, dict[str, Facts]]

PAGE = Path(__file__).with_name("page.md")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the benchmarks, and how to read what it found."""

    title: str
    targets: Callable[[str, Facts], list[Target]]
    section: Callable[[str, Facts], str]
    chart: Callable[[str, Facts], Chart] | None = None
    on_databases: bool = True


PARTS = {
    "ledger": Part("Charges", ledger_report.targets, ledger_report.section, ledger_report.chart),
    "wallet": Part("A long history", wallet_report.targets, wallet_report.section),
    "proof": Part("The proof", proof_report.targets, proof_report.section),
    "images": Part("Pictures", images_report.targets, images_report.section, images_report.chart, on_databases=False),
    "hostile": Part("Hostile files", hostile_report.targets, hostile_report.section, on_databases=False),
    "projects": Part("Lists and searches", projects_report.targets, projects_report.section),
    "pages": Part("Pages", pages_report.targets, pages_report.section, pages_report.chart),
}


def targets(found: Found) -> list[Target]:
    """Every target of the parts that were measured."""
    return [target for part, where, facts in _measured(found) for target in PARTS[part].targets(where, facts)]


def terminal(found: Found) -> str:
    """What `make bench` prints."""
    sections = [
        f"{PARTS[part].title} · {where or facts['taken']['machine']}\n\n{PARTS[part].section(where, facts)}"
        for part, where, facts in _measured(found)
    ]
    return "\n".join([*sections, targets_table(targets(found))])


def targets_table(made: list[Target]) -> str:
    return table(["target", "on", "wanted", "measured", ""], [target.cells() for target in made], words=2)


def as_json(found: Found) -> str:
    """Readable, with every list of numbers on one line."""
    text = json.dumps(found, indent=1)
    return re.sub(r"\[\s+([-\d.,\s]+?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def write(found: Found, docs: Path) -> None:
    """The document and its charts."""
    (docs / "benchmarks.md").write_text(document(found))
    for part, where, facts in _measured(found):
        chart = PARTS[part].chart
        if chart:
            (docs / "img" / _picture(part, where)).write_text(chart(where, facts).svg())


def document(found: Found) -> str:
    """The whole page: the words of page.md, with what was measured in its places."""
    places = {"targets": f"{targets_table(targets(found))}\n"}
    for name in PARTS:
        sections = [_section(name, where, facts) for where, facts in found.get(name, {}).items()]
        places[name] = "\n".join(sections) or "Not measured yet.\n"
    return re.sub(r"<!-- (\w+) -->\n", lambda place: places[place[1]], PAGE.read_text())


def _section(name: str, where: str, facts: Facts) -> str:
    part = PARTS[name]
    parts = [f"### {where}\n"] if where else []
    if part.chart:
        chart = part.chart(where, facts)
        parts.append(f"![{chart.title}, {chart.subtitle}](img/{_picture(name, where)})\n")
    taken = facts["taken"]
    setting = f"{taken['machine']}, Python {taken['python']}"
    setting += f", {taken['packages']}; {taken['database']}" if part.on_databases else ""
    return "\n".join([*parts, part.section(where, facts), f"Measured on {taken['day']}: {setting}.\n"])


def _measured(found: Found) -> list[tuple[str, str, Facts]]:
    return [(name, where, facts) for name in PARTS for where, facts in found.get(name, {}).items()]


def _picture(name: str, where: str) -> str:
    server = where.split(" ")[0].lower()
    return f"bench-{name}-{server}.svg" if server else f"bench-{name}.svg"
