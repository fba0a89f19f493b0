"""The stacked storage bar: one segment per app, then the trash, and about how many more pictures fit. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from accounts.models import ClientApp
from accounts.templatetags.page import texture
from workspace.templatetags.sizes import size

# A segment is never drawn thinner than this, in percent, or a few hundred bytes would not be seen at all.
SLIVER = 0.6


@dataclass(frozen=True)
class Segment:
    """A part of the bar: `start` and `width` in percent of the whole workspace, or of what is used if that is more."""

    app: ClientApp | None
    slug: str
    label: str
    count_bytes: int
    projects: int
    texture: str
    start: float
    width: float

    @property
    def is_trash(self) -> bool:
        return self.app is None


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
    over_bytes: int

    @property
    def brim(self) -> float | None:
        """Where the limit stands in a bar that holds more than that, in percent."""
        return round(100 * self.limit_bytes / self.used_bytes, 2) if self.used_bytes > self.limit_bytes else None

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
        segments=_segments(breakdown, apps, max(stats["limit_bytes"], stats["used_bytes"])),
        used_bytes=stats["used_bytes"],
        limit_bytes=stats["limit_bytes"],
        available_bytes=stats["available_bytes"],
        saved_bytes=report["saved_by_compression_bytes"],
        total_projects=breakdown["total_projects"],
        trash_projects=breakdown["trash_projects"],
        trash_bytes=breakdown["trash_bytes"],
        pictures_that_fit=report["pictures_that_fit"],
        over_bytes=stats["over_bytes"],
    )


def _segments(breakdown: dict[str, Any], apps: Iterable[ClientApp], whole: int) -> list[Segment]:
    largest_first = sorted(apps, key=lambda app: -breakdown.get(f"{app.slug}_bytes", 0))
    parts: list[tuple[ClientApp | None, str, str]] = [(app, app.slug, app.name) for app in largest_first]
    segments: list[Segment] = []
    start = 0.0
    for app, name, label in [*parts, (None, "trash", gettext("Trash"))]:
        count_bytes, projects = breakdown.get(f"{name}_bytes", 0), breakdown.get(f"{name}_projects", 0)
        if not projects:
            continue
        share = 100 * count_bytes / whole if whole else 0.0
        width = min(max(share, SLIVER), 100 - start)
        looks = (app.slug, str(texture(app))) if app else ("none", "trash")
        segments.append(
            Segment(app, looks[0], label, count_bytes, projects, looks[1], round(start, 3), round(width, 3))
        )
        start += width
    return segments
