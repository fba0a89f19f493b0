"""The statement's filters, and when its owner wants to be told."""

from datetime import date, datetime, time, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApp
from credits.models import MAX_AMOUNT, EntryQuerySet, EntryType

TYPES = [
    ("", _("Everything")),
    (EntryType.USED, _("Used")),
    (EntryType.REFUND, _("Refunds")),
    (EntryType.BONUS, _("Bonuses")),
    (EntryType.BASE, _("Sign-up credits")),
    (EntryType.PURCHASED, _("Purchases")),
    (EntryType.EXPIRED, _("Expired")),
    (EntryType.ADJUSTMENT, _("Corrections")),
]


class LowBalanceForm(forms.Form):
    """At how many credits to be told; empty or 0 for never."""

    low_mark = forms.IntegerField(label=_("Tell me at"), required=False, min_value=0, max_value=MAX_AMOUNT)


class StatementFilter(forms.Form):
    """Filters by app, type, project and day. A value it does not know filters nothing."""

    app = forms.ChoiceField(label=_("App"), required=False)
    type = forms.ChoiceField(label=_("Type"), required=False, choices=TYPES)
    project = forms.RegexField(label=_("Project"), required=False, regex="^[A-Z0-9]{6}$")
    since = forms.DateField(label=_("On or after"), required=False)
    until = forms.DateField(label=_("On or before"), required=False)

    def __init__(self, data: Any, apps: list[ClientApp]) -> None:
        super().__init__(data)
        cast(forms.ChoiceField, self.fields["app"]).choices = [
            ("", _("All apps")),
            *((app.slug, app.name) for app in apps),
            ("unified", "Unified"),
        ]
        self.is_valid()

    def apply(self, entries: EntryQuerySet) -> EntryQuerySet:
        chosen = self.cleaned_data
        app, since, until = chosen.get("app"), chosen.get("since"), chosen.get("until")
        if app == "unified":
            entries = entries.filter(app=None)
        elif app:
            entries = entries.filter(app__slug=app)
        if since:
            entries = entries.filter(created_at__gte=_midnight(since))
        if until:
            entries = entries.filter(created_at__lt=_midnight(until + timedelta(days=1)))
        names = {"type": "transaction_type", "project": "project_code"}
        return entries.filter(**{field: chosen[name] for name, field in names.items() if chosen.get(name)})

    @property
    def narrows(self) -> bool:
        return any(self.cleaned_data.values())

    @property
    def query(self) -> str:
        """What is chosen, as the address says it: "?app=penora&type=used", or nothing."""
        chosen = {name: self.data[name] for name in self.fields if self.cleaned_data.get(name)}
        return f"?{urlencode(chosen)}" if chosen else ""


def _midnight(day: date) -> datetime:
    """When that day begins where the reader is."""
    return timezone.make_aware(datetime.combine(day, time()))
