"""The stacked storage bar: one segment per app, then the trash, and about how many more pictures fit. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from accounts.models import ClientApp
from accounts.templatetags.page import texture
from workspace.templatetags.sizes import size

# What a 1024 x 1024 picture takes as AVIF q60, mean of 20 (docs, compression); used until someone has pictures.
TYPICAL_PICTURE_BYTES = 61 * 1_024
# A segment is never drawn thinner than this, in percent, or a few hundred bytes would not be seen at all.
SLIVER = 0.6


@dataclass(frozen=True)
class Segment:
    """A part of the bar: `start` and `width` in percent of the whole workspace."""

    slug: str
    label: str
    count_bytes: int
    projects: int
    texture: str
    start: float
    width: float
    is_trash: bool = False


@dataclass(frozen=True)
class Meter:
    """The bar with what the page says beside it. `percent` is of the limit, rounded down."""

    segments: list[Segment]
    used_bytes: int
    limit_bytes: int
    available_bytes: int
    saved_bytes: int
    total_projects: int
    trash_projects: int
    trash_bytes: int
    pictures_that_fit: int

    @property
    def percent(self) -> int:
        return 100 * self.used_bytes // self.limit_bytes if self.limit_bytes else 100

    @property
    def summary(self) -> str:
        """The bar in a sentence, for those who do not see it."""
        head = gettext("%(percent)d percent used") % {"percent": self.percent}
        parts = ", ".join(f"{segment.label} {size(segment.count_bytes)}" for segment in self.segments)
        return f"{head}: {parts}" if parts else head


def meter_of(report: dict[str, Any], apps: Iterable[ClientApp]) -> Meter:
    """The bar that `storage_report` describes."""
    stats, breakdown = report["storage_stats"], report["breakdown"]
    return Meter(
        segments=_segments(breakdown, apps, stats["limit_bytes"]),
        used_bytes=stats["used_bytes"],
        limit_bytes=stats["limit_bytes"],
        available_bytes=stats["available_bytes"],
        saved_bytes=report["saved_by_compression_bytes"],
        total_projects=breakdown["total_projects"],
        trash_projects=breakdown["trash_projects"],
        trash_bytes=breakdown["trash_bytes"],
        pictures_that_fit=max(0, stats["available_bytes"] - report["reserved_bytes"]) // _picture(report),
    )


def _segments(breakdown: dict[str, Any], apps: Iterable[ClientApp], limit: int) -> list[Segment]:
    parts: list[tuple[str, str, str, str]] = [(app.slug, app.name, app.slug, str(texture(app))) for app in apps]
    parts.sort(key=lambda part: -breakdown.get(f"{part[0]}_bytes", 0))
    segments: list[Segment] = []
    start = 0.0
    for name, label, slug, mark in [*parts, ("trash", gettext("Trash"), "none", "trash")]:
        count_bytes, projects = breakdown.get(f"{name}_bytes", 0), breakdown.get(f"{name}_projects", 0)
        if not projects:
            continue
        share = 100 * count_bytes / limit if limit else 0.0
        width = min(max(share, SLIVER), 100 - start)
        segments.append(
            Segment(slug, label, count_bytes, projects, mark, round(start, 3), round(width, 3), mark == "trash")
        )
        start += width
    return segments


def _picture(report: dict[str, Any]) -> int:
    """What one more picture will take: the mean of this person's own, or a typical one."""
    kinds = [part for kind, part in report["by_type"].items() if kind != "text"]
    count = sum(part["projects"] for part in kinds)
    return max(1, sum(part["bytes"] for part in kinds) // count) if count else TYPICAL_PICTURE_BYTES
