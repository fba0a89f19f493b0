"""What a person's entries add up to, and the same as a CSV file."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet, Sum

from credits.models import Entry, EntryQuerySet, EntryType

WORDS = {
    EntryType.BASE: "granted",
    EntryType.BONUS: "granted",
    EntryType.PURCHASED: "purchased",
    EntryType.USED: "used",
    EntryType.REFUND: "refunded",
    EntryType.EXPIRED: "expired",
    EntryType.ADJUSTMENT: "adjusted",
}
COLUMNS = (
    "transaction_id",
    "created_at",
    "app_name",
    "transaction_type",
    "amount",
    "balance_after",
    "description",
    "project_code",
    "related_transaction_id",
    "hold_id",
)


def filtered(entries: EntryQuerySet, wanted: dict[str, Any]) -> EntryQuerySet:
    """The entries that fit the filters of a transactions query."""
    names = {
        "transaction_type": "transaction_type",
        "project_code": "project_code",
        "created_after": "created_at__gte",
        "created_before": "created_at__lt",
    }
    entries = entries.filter(**{field: wanted[name] for name, field in names.items() if name in wanted})
    app = wanted.get("app_name")
    if app == "unified":
        return entries.filter(app__isnull=True)
    return entries.filter(app__slug=app) if app else entries


def summary(entries: QuerySet[Entry]) -> dict[str, Any]:
    """Credits granted, purchased, used, refunded, expired and adjusted, in all and by app; only adjusted is signed."""
    totals = dict.fromkeys(WORDS.values(), 0)
    by_app: dict[str, dict[str, int]] = {}
    rows = entries.order_by().values("app__slug", "transaction_type").annotate(total=Sum("amount"))
    for row in rows:
        word = WORDS[EntryType(row["transaction_type"])]
        amount = row["total"] if word == "adjusted" else abs(row["total"])
        app = by_app.setdefault(row["app__slug"] or "unified", dict.fromkeys(WORDS.values(), 0))
        app[word] += amount
        totals[word] += amount
    return {**totals, "by_app": by_app}


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """The statement as CSV, a line at a time."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for entry in entries:
        yield writer.writerow(_row(entry))


def _row(entry: Entry) -> list[Any]:
    return [
        entry.id,
        entry.created_at.isoformat(),
        entry.app_name,
        entry.transaction_type,
        entry.amount,
        entry.balance_after,
        _harmless(entry.description),
        entry.project_code,
        entry.related_id or "",
        entry.hold_id or "",
    ]


def _harmless(text: str) -> str:
    """Text that a spreadsheet shows instead of running it as a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


class _Echo:
    """A file whose write hands the line back."""

    def write(self, line: str) -> str:
        return line
