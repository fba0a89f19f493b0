"""What a person's entries add up to, and the same as a CSV file."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from typing import Any, Protocol, TypeVar

from django.db.models import Prefetch, QuerySet, Sum
from django.utils import timezone

from credits.models import Allocation, Entry, EntryQuerySet, EntryType

WORDS = {
    EntryType.BASE: "granted",
    EntryType.BONUS: "granted",
    EntryType.PURCHASED: "purchased",
    EntryType.USED: "used",
    EntryType.REFUND: "refunded",
    EntryType.EXPIRED: "expired",
    EntryType.ADJUSTMENT: "adjusted",
}
# What a line of a statement reads along with its entry.
SHOWN = ("app", "wallet__user")
DRAWN = Prefetch("allocations", Allocation.objects.select_related("grant").order_by("id"))
COLUMNS = (
    "transaction_id",
    "user_id",
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


class Dated(Protocol):
    """What stands in a statement."""

    created_at: datetime


Line = TypeVar("Line", bound=Dated)


def by_day(entries: Iterable[Line]) -> list[tuple[date, list[Line]]]:
    """A page of a statement by the reader's days, in its order."""
    days = groupby(entries, key=lambda entry: timezone.localtime(entry.created_at).date())
    return [(day, list(listed)) for day, listed in days]


def summary(entries: QuerySet[Entry]) -> dict[str, Any]:
    """Credits granted, purchased, used, refunded, expired and adjusted by these entries, in all and by app.

    What is used is charges less refunds, so granted + purchased + adjusted - used - expired is what the entries add up
    to. `adjusted` is signed; `used` is negative where more came back than was charged, as among refunds alone."""
    totals = dict.fromkeys(WORDS.values(), 0)
    by_app: dict[str, dict[str, int]] = {}
    rows = entries.order_by().values("app__slug", "transaction_type").annotate(total=Sum("amount"))
    for row in rows:
        word = WORDS[EntryType(row["transaction_type"])]
        amount = row["total"] if word == "adjusted" else abs(row["total"])
        app = by_app.setdefault(row["app__slug"] or "unified", dict.fromkeys(WORDS.values(), 0))
        app[word] += amount
        totals[word] += amount
    for part in (totals, *by_app.values()):
        part["used"] -= part["refunded"]
    return {**totals, "by_app": by_app}


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """The statement as CSV, a line at a time."""
    return as_csv(COLUMNS, map(_row, entries))


def as_csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """A table as CSV, a line at a time. Free text among the cells must have been made harmless."""
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow(row)


def moment(at: datetime) -> str:
    """A time as the JSON answers write it."""
    return at.isoformat().replace("+00:00", "Z")


def _row(entry: Entry) -> list[Any]:
    return [
        entry.id,
        harmless(entry.wallet.user.user_id),
        moment(entry.created_at),
        entry.app_name,
        entry.transaction_type,
        entry.amount,
        entry.balance_after,
        harmless(entry.description),
        entry.project_code,
        entry.related_id or "",
        entry.hold_id or "",
    ]


def harmless(text: str) -> str:
    """Text that a spreadsheet shows instead of running it as a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


class _Echo:
    """A file whose write hands the line back."""

    def write(self, line: str) -> str:
        return line
