"""What a person's credits went to and still buy, as the pages draw it. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from accounts.models import ClientApp, User
from credits.models import Entry, EntryType, Price

DAYS = 30
STEP, BAR_WIDTH, HEIGHT, GAP = 10.0, 7.6, 84.0, 1.5


@dataclass(frozen=True)
class Bar:
    """One app's part of one day, placed in the chart's own units. No app: a day without spending."""

    x: float
    y: float
    height: float
    app: ClientApp | None


@dataclass(frozen=True)
class AppTotal:
    app: ClientApp
    credits: int


@dataclass(frozen=True)
class Day:
    day: date
    parts: list[AppTotal]

    @property
    def credits(self) -> int:
        return sum(part.credits for part in self.parts)


@dataclass(frozen=True)
class Spending:
    """The last days' spending, oldest first, with its bars and its totals by app."""

    days: list[Day]
    bars: list[Bar]
    totals: list[AppTotal]
    width: float = DAYS * STEP
    height: float = HEIGHT
    bar_width: float = BAR_WIDTH

    @property
    def total(self) -> int:
        return sum(part.credits for part in self.totals)

    @property
    def summary(self) -> str:
        """The chart in a sentence, for those who do not see it."""
        parts = ", ".join(f"{part.app.name} {part.credits}" for part in self.totals)
        head = ngettext("%d credit spent in the last 30 days", "%d credits spent in the last 30 days", self.total)
        return f"{head % self.total}: {parts}" if parts else head % self.total


def last_days(user: User, apps: Iterable[ClientApp]) -> Spending:
    """Credits `user` spent on each of the last 30 UTC days, by app. One query."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    rows = (
        Entry.objects.owned_by(user)
        .filter(transaction_type=EntryType.USED, created_at__date__gte=first)
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "app_id")
        .annotate(total=Sum("amount"))
    )
    spent = {(day, app): -total for day, app, total in rows}
    known = list(apps)
    days = [_day(first + timedelta(days=number), known, spent) for number in range(DAYS)]
    totals = [AppTotal(app, sum(spent.get((day.day, app.pk), 0) for day in days)) for app in known]
    return Spending(days, _bars(days), [total for total in totals if total.credits])


def _day(day: date, apps: list[ClientApp], spent: dict[tuple[date, int | None], int]) -> Day:
    return Day(day, [AppTotal(app, spent[day, app.pk]) for app in apps if (day, app.pk) in spent])


def _bars(days: list[Day]) -> list[Bar]:
    """The bars of each day, stacked from the bottom up; the tallest day fills the height."""
    # A single credit must not fill the chart, or a quiet month would look like a wild one.
    scale = (HEIGHT - 2) / max(4, *(day.credits for day in days))
    bars: list[Bar] = []
    for number, day in enumerate(days):
        x, bottom = number * STEP + (STEP - BAR_WIDTH) / 2, HEIGHT
        if not day.parts:
            bars.append(Bar(round(x, 2), HEIGHT - 2, 2, None))
        for part in day.parts:
            height = max(2.0, part.credits * scale - GAP)
            bars.append(Bar(round(x, 2), round(bottom - height, 2), round(height, 2), part.app))
            bottom -= height + GAP
    return bars


def buys(available: int, prices: Iterable[Price]) -> list[str]:
    """What `available` credits are enough for, in the units the apps sell: "23 images", "47 pages"."""
    sold = [price for price in prices if price.app_id is not None]
    return [_counted(available // price.credits, price.unit) for price in sold]


def _counted(count: int, unit: str) -> str:
    if unit == "image":
        return ngettext("%d image", "%d images", count) % count
    if unit == "page":
        return ngettext("%d page", "%d pages", count) % count
    return gettext("%(count)d × %(unit)s") % {"count": count, "unit": unit}
