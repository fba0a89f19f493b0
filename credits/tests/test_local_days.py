"""Days as the reader's calendar has them, counted by the database as Python would count them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import DateTimeField, Value
from django.utils import timezone

from accounts.models import User
from credits.local_days import LocalDays


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", date(2026, 10, 23)),
        ("Europe/Paris", date(2026, 3, 27)),
        ("Europe/Paris", date(2026, 10, 23)),
        ("Australia/Lord_Howe", date(2026, 4, 3)),
        ("Asia/Kathmandu", date(2026, 10, 23)),
        ("America/Santiago", date(2026, 9, 4)),
    ],
)
def test_counts_days_through_a_change_of_the_clocks(alice: User, zone: str, first: date) -> None:
    with timezone.override(zone):
        days = LocalDays(first, 5)
        moments = [days.begin.astimezone(UTC) + timedelta(minutes=minutes) for minutes in range(0, 5 * 1410, 30)]
        counted = [days.date(number_of(alice, days, moment)) for moment in moments]
        assert counted == [timezone.localtime(moment).date() for moment in moments]
    assert set(counted) == {first + timedelta(days=number) for number in range(5)}


def test_the_last_second_of_a_day_is_still_in_it(alice: User) -> None:
    days = LocalDays(date(2026, 1, 1), 2)
    midnight = datetime(2026, 1, 2, tzinfo=UTC)
    assert number_of(alice, days, midnight - timedelta(microseconds=1)) == 0
    assert number_of(alice, days, midnight) == 1


def number_of(anybody: User, days: LocalDays, moment: datetime) -> int:
    """What the database says; any row will do to ask it."""
    asked = User.objects.filter(pk=anybody.pk).annotate(at=Value(moment, output_field=DateTimeField()))
    return asked.annotate(number=days.number("at")).values_list("number", flat=True).get()
