"""What a person's byte statement shows, adds up to, and looks like as a CSV file. Reads only."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from credits.statements import as_csv, harmless, moment
from workspace.models import StorageEntry, StorageEntryQuerySet

COLUMNS = (
    "number",
    "created_at",
    "cause",
    "app_source",
    "project_code",
    "title",
    "delta_bytes",
    "used_after_bytes",
)
FIELDS = {
    "app_source": "app__slug",
    "cause": "cause",
    "project_code": "project_code",
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
}


def filtered(entries: StorageEntryQuerySet, wanted: dict[str, Any]) -> StorageEntryQuerySet:
    """The entries that fit the filters of a statement query."""
    return entries.filter(**{field: wanted[name] for name, field in FIELDS.items() if name in wanted})


def summary(entries: StorageEntryQuerySet) -> dict[str, Any]:
    """Bytes that came, bytes that went, and the signed change by cause."""
    came = Coalesce(Sum("delta_bytes", filter=Q(delta_bytes__gt=0)), 0)
    rows = entries.order_by().values("cause").annotate(change=Sum("delta_bytes"), came=came)
    by_cause = {row["cause"]: row["change"] for row in rows}
    added = sum(row["came"] for row in rows)
    return {"added_bytes": added, "freed_bytes": added - sum(by_cause.values()), "by_cause": by_cause}


def csv_lines(entries: Iterable[StorageEntry]) -> Iterator[str]:
    """The statement as CSV, a line at a time."""
    return as_csv(COLUMNS, map(_row, entries))


def _row(entry: StorageEntry) -> list[Any]:
    return [
        entry.number,
        moment(entry.created_at),
        entry.cause,
        entry.app.slug if entry.app else "",
        entry.project_code,
        harmless(entry.title),
        entry.delta_bytes,
        entry.used_after_bytes,
    ]
