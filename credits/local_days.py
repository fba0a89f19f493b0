"""Days as the reader's calendar has them, counted by the database itself.

Django's TruncDate asks Python about every single row on SQLite; a division of seconds costs next to nothing."""

from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from typing import Any

from django.db.models import Case, F, Func, IntegerField, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone


class Seconds(Func):
    """Whole seconds of a moment since 1970."""

    output_field = IntegerField()
    template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint"
    # Without the fraction, which SQLite would round up.
    sqlite_template = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS integer)"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.sqlite_template, **extra)


class LocalDays:
    """So many days of the current time zone in a row, numbered from 0."""

    def __init__(self, first: date, count: int) -> None:
        self._first = first
        self._midnights = [timezone.make_aware(datetime.combine(self.date(n), time())) for n in range(count + 1)]

    @property
    def begin(self) -> datetime:
        return self._midnights[0]

    def date(self, number: int) -> date:
        return self._first + timedelta(days=number)

    def number(self, moment: str) -> Case:
        """Which of the days a moment is on; it must not be before the first."""
        return Case(*(self._within(length, first, moment) for length, first in reversed(self._stretches())))

    def _stretches(self) -> list[tuple[int, int]]:
        """Days that follow each other and are equally long (seconds, number of the first): clocks change on others."""
        stamps = [round(midnight.timestamp()) for midnight in self._midnights]
        lengths = [(later - earlier, number) for number, (earlier, later) in enumerate(pairwise(stamps))]
        return [next(days) for _, days in groupby(lengths, key=lambda day: day[0])]

    def _within(self, length: int, first: int, moment: str) -> When:
        begin = self._midnights[first]
        passed: Combinable = (Seconds(F(moment)) - Value(round(begin.timestamp()))) / Value(length)
        return When(**{f"{moment}__gte": begin}, then=Value(first) + passed)
