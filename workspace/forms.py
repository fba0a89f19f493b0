"""The projects page's filters, and renaming."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApp
from workspace.models import ProjectQuerySet

TYPES = [("", _("All types")), ("image", _("Images")), ("ai_art", _("AI art")), ("text", _("Texts"))]
SORTS = {
    "": ("-created_at", "-id"),
    "oldest": ("created_at", "id"),
    "changed": ("-updated_at", "-id"),
    "title": ("title", "id"),
    "largest": ("-file_size_bytes", "-id"),
    "smallest": ("file_size_bytes", "id"),
}
SORT_NAMES = [
    ("", _("Newest first")),
    ("oldest", _("Oldest first")),
    ("changed", _("Last changed")),
    ("title", _("Title")),
    ("largest", _("Largest first")),
    ("smallest", _("Smallest first")),
]


class ProjectFilter(forms.Form):
    """Search, filters, order and view of the projects page. A value it does not know filters nothing."""

    q = forms.CharField(label=_("Search titles and text"), required=False, max_length=200)
    app = forms.ChoiceField(label=_("App"), required=False)
    type = forms.ChoiceField(label=_("Type"), required=False, choices=TYPES)
    sort = forms.ChoiceField(label=_("Order"), required=False, choices=SORT_NAMES)
    since = forms.DateField(label=_("Made on or after"), required=False)
    until = forms.DateField(label=_("Made on or before"), required=False)
    view = forms.ChoiceField(required=False, choices=[("", _("Gallery")), ("list", _("List"))])

    def __init__(self, data: Any, apps: Iterable[ClientApp]) -> None:
        super().__init__(data)
        choices = [("", _("All apps")), *((app.slug, app.name) for app in apps)]
        cast(forms.ChoiceField, self.fields["app"]).choices = choices

    def apply(self, projects: ProjectQuerySet) -> ProjectQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        found = projects.matching(chosen["q"]) if chosen.get("q") else projects
        if chosen.get("app"):
            found = found.from_app(chosen["app"])
        if chosen.get("type"):
            found = found.filter(project_type=chosen["type"])
        if chosen.get("since"):
            found = found.filter(created_at__date__gte=chosen["since"])
        if chosen.get("until"):
            found = found.filter(created_at__date__lte=chosen["until"])
        return found.order_by(*SORTS[chosen.get("sort") or ""])

    @property
    def narrows(self) -> bool:
        """Whether anything is filtered away, so that an empty page can say so."""
        return any(self.cleaned_data.get(name) for name in ("q", "app", "type", "since", "until"))

    @property
    def has_dates(self) -> bool:
        return any(self.data.get(name) for name in ("since", "until"))

    @property
    def is_list(self) -> bool:
        return self.cleaned_data.get("view") == "list"


class RenameForm(forms.Form):
    """A project's new title."""

    title = forms.CharField(label=_("Title"), max_length=200)
