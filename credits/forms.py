"""The statement's filters."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApp
from credits.models import EntryQuerySet, EntryType

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


class StatementFilter(forms.Form):
    """Filters by app and type. A value it does not know filters nothing."""

    app = forms.ChoiceField(label=_("App"), required=False)
    type = forms.ChoiceField(label=_("Type"), required=False, choices=TYPES)

    def __init__(self, data: Any, apps: list[ClientApp]) -> None:
        super().__init__(data)
        cast(forms.ChoiceField, self.fields["app"]).choices = [
            ("", _("All apps")),
            *((app.slug, app.name) for app in apps),
            ("unified", "Unified"),
        ]

    def apply(self, entries: EntryQuerySet) -> EntryQuerySet:
        self.is_valid()
        app, kind = self.cleaned_data.get("app"), self.cleaned_data.get("type")
        if app == "unified":
            entries = entries.filter(app=None)
        elif app:
            entries = entries.filter(app__slug=app)
        return entries.filter(transaction_type=kind) if kind else entries

    @property
    def active(self) -> bool:
        return any(self.cleaned_data.values())
