"""What the measurements of pictures say."""

from collections.abc import Sequence
from statistics import mean, median
from typing import Any

from benchmarks.plots import Bar, Chart
from benchmarks.tables import table
from benchmarks.targets import Target, number

MEGABYTE = 1_048_576
NAMES = {
    "at_rest": "Unified, at rest",
    "under_load": "Unified, under load",
    "jpeg_85": "JPEG q85, progressive",
    "webp_80": "WebP q80, method 4",
    "avif_60_6": "AVIF q60, speed 6",
    "avif_60_8": "AVIF q60, speed 8",
    "avif_60_9": "AVIF q60, speed 9",
}
HEAD = ["stored as", "mean kB", "fit 1 MiB", "CPU ms", "most CPU ms", "SSIM", "SSIMULACRA2"]


def about(facts: dict[str, Any]) -> str:
    return f"{len(facts['sent'])} pictures {facts['about']}"


def fitting(sizes: Sequence[float], room: int = MEGABYTE) -> int:
    """How many pictures of these sizes fit: stored in turn from each of them on, the median of what was stored."""
    return int(median(_stored_from(start, sizes, room) for start in range(len(sizes))))


def _stored_from(start: int, sizes: Sequence[float], room: int) -> int:
    count = 0
    while (room := room - int(sizes[(start + count) % len(sizes)])) >= 0:
        count += 1
    return count


def targets(_: str, facts: dict[str, Any]) -> list[Target]:
    """The promises about pictures of 1024 × 1024; others than those are measured all the same."""
    where = about(facts)
    rest, load = facts["ways"]["at_rest"], facts["ways"]["under_load"]
    return [
        Target("pictures that fit one workspace", where, 16, fitting(rest["bytes"])),
        Target("median SSIM, at rest", where, 0.98, median(rest["ssim"])),
        Target("CPU seconds a picture, at rest", where, 1.0, median(rest["cpu"]), at_most=True),
        Target("CPU seconds a picture, under load", where, 0.3, mean(load["cpu"]), at_most=True),
    ]


def section(_: str, facts: dict[str, Any]) -> str:
    rows = [["as sent", number(mean(facts["sent"]) / 1000), str(fitting(facts["sent"])), "", "", "", ""]]
    rows += [_row(name, facts["ways"][name]) for name in NAMES]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"{about(facts)}, {versions}.\n\n{table(HEAD, rows)}\n"


def _row(name: str, way: dict[str, list[float]]) -> list[str]:
    return [
        NAMES[name],
        number(mean(way["bytes"]) / 1000),
        str(fitting(way["bytes"])),
        number(1000 * mean(way["cpu"])),
        number(1000 * max(way["cpu"])),
        f"{median(way['ssim']):.3f}",
        f"{median(way['ss2']):.1f}",
    ]


def chart(_: str, facts: dict[str, Any]) -> Chart:
    """How many pictures a workspace holds, by how they are stored."""
    counts = {"as sent": fitting(facts["sent"])}
    counts |= {NAMES[name]: fitting(facts["ways"][name]["bytes"]) for name in NAMES}
    ours = (NAMES["at_rest"], NAMES["under_load"])
    bars = [Bar(name, count, str(count), name in ours) for name, count in counts.items()]
    return Chart("Pictures in one megabyte", about(facts), bars, 16, "16 or more")
