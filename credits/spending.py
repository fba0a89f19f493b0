"""What a person's credits went to and still buy, as the pages draw it. Reads only."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from accounts.models import ClientApp, User
from credits.local_days import LocalDays
from credits.models import Entry, EntryQuerySet, EntryType, Price

DAYS = 30
# Of the chart, in percent: what stands above the tallest column, and between the parts of one.
HEADROOM, GAP = 12.0, 1.4
FILLED = 0.74


@dataclass(frozen=True)
class Part:
    """One app's part of one day. `y` and `height` are percent of the chart's height."""

    app: ClientApp
    credits: int
    y: float
    height: float


@dataclass(frozen=True)
class Day:
    """One column of the chart. `x`, `width` and `middle` are percent of its width; `anchor` keeps the label inside."""

    day: date
    parts: list[Part]
    x: float
    width: float
    middle: float
    anchor: str

    @property
    def credits(self) -> int:
        return sum(part.credits for part in self.parts)

    @property
    def top(self) -> float:
        """Where the column's label stands."""
        return min([part.y for part in self.parts], default=100.0) - 3

    @cached_property
    def name(self) -> str:
        return date_format(self.day, "MONTH_DAY_FORMAT")

    @property
    def label(self) -> str:
        """The column in words: "4 Nov: Penora 3, ImageGene 2"."""
        spent = ", ".join(f"{part.app.name} {part.credits}" for part in self.parts)
        return f"{self.name}: {spent or 0}"


@dataclass(frozen=True)
class AppTotal:
    app: ClientApp
    credits: int


@dataclass(frozen=True)
class Spending:
    """The last days' spending, oldest first, and its totals by app. `highest` is what the top line stands for."""

    days: list[Day]
    totals: list[AppTotal]
    highest: int
    line: float = HEADROOM

    @property
    def total(self) -> int:
        return sum(part.credits for part in self.totals)

    @property
    def summary(self) -> str:
        """The chart in a sentence, for those who do not see it."""
        parts = ", ".join(f"{part.app.name} {part.credits}" for part in self.totals)
        credits = ngettext("%d credit", "%d credits", self.total) % self.total
        words = {"credits": credits, "days": len(self.days)}
        head = gettext("%(credits)s spent in the last %(days)d days") % words
        return f"{head}: {parts}" if parts else head


def last_days(user: User, apps: Iterable[ClientApp], count: int = DAYS) -> Spending:
    """Credits `user` spent on each of the last `count` days of the current time zone, by app, less what came back.

    Two queries."""
    return _spent(Entry.objects.owned_by(user), apps, count)


def last_days_of_all(apps: Iterable[ClientApp], count: int = DAYS) -> Spending:
    """The same for everybody together, for staff."""
    return _spent(Entry.objects.all(), apps, count)


def _spent(entries: EntryQuerySet, apps: Iterable[ClientApp], count: int) -> Spending:
    days = LocalDays(timezone.localdate() - timedelta(days=count - 1), count)
    spent = Counter({key: -total for key, total in _totals(entries, EntryType.USED, "created_at", days)})
    # A refund undoes its charge, so it counts on the day of that.
    spent.subtract(dict(_totals(entries, EntryType.REFUND, "related__created_at", days)))
    spent = +spent
    known, numbers = list(apps), range(count)
    daily = [[AppTotal(app, spent[number, app.pk]) for app in known if (number, app.pk) in spent] for number in numbers]
    # A single credit must not fill the chart, or a quiet month would look like a wild one.
    highest = max(4, *(sum(part.credits for part in parts) for parts in daily))
    totals = [AppTotal(app, sum(spent.get((number, app.pk), 0) for number in numbers)) for app in known]
    columns = [_column(number, count, days.date(number), parts, highest) for number, parts in enumerate(daily)]
    return Spending(columns, [total for total in totals if total.credits], highest)


def _totals(
    entries: EntryQuerySet, kind: EntryType, moment: str, days: LocalDays
) -> Iterator[tuple[tuple[int, int | None], int]]:
    """What the entries of a kind add up to, by app and number of the day of `moment`."""
    wanted = entries.filter(transaction_type=kind, **{f"{moment}__gte": days.begin})
    rows = wanted.order_by().annotate(day=days.number(moment)).values_list("day", "app_id")
    return (((day, app), total) for day, app, total in rows.annotate(total=Sum("amount")))


def _column(number: int, count: int, day: date, totals: list[AppTotal], highest: int) -> Day:
    step = 100 / count
    x, middle = (number + (1 - FILLED) / 2) * step, (number + 0.5) * step
    anchor = "start" if middle < 35 else "end" if middle > 65 else "middle"
    return Day(day, _stacked(totals, highest), round(x, 3), round(FILLED * step, 3), round(middle, 3), anchor)


def _stacked(totals: list[AppTotal], highest: int) -> list[Part]:
    """The parts of one day, from the bottom up; the highest day reaches the top line."""
    parts, bottom = [], 100.0
    for total in totals:
        height = max(2.0, total.credits / highest * (100 - HEADROOM) - GAP)
        parts.append(Part(total.app, total.credits, round(bottom - height, 2), round(height, 2)))
        bottom -= height + GAP
    return parts


@dataclass(frozen=True)
class Buy:
    """What the credits are enough for in one app, in the unit it sells."""

    app: ClientApp | None
    text: str


def buys(available: int, prices: Iterable[Price]) -> list[Buy]:
    """What `available` credits are enough for, in the units the apps sell: "23 images", "47 pages"."""
    sold = [price for price in prices if price.app_id is not None]
    return [Buy(price.app, _counted(available // price.credits, price.unit)) for price in sold]


def _counted(count: int, unit: str) -> str:
    if unit == "image":
        return ngettext("%s image", "%s images", count) % intcomma(count)
    if unit == "page":
        return ngettext("%s page", "%s pages", count) % intcomma(count)
    return gettext("%(count)s × %(unit)s") % {"count": intcomma(count), "unit": unit}
