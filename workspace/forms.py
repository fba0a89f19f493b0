"""What people type and choose on the workspace's pages: filters, titles and tags."""

from collections.abc import Iterable
from typing import Any, Self, cast
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError

from accounts.fields import Text
from accounts.models import ClientApp, User
from workspace.models import MOST_RANKED, ProjectQuerySet
from workspace.services.preferences import LONG_EDGE, PERCENT

TYPES = [("", _("All types")), ("image", _("Images")), ("ai_art", _("AI art")), ("text", _("Texts"))]
SORTS = {
    "": ("-created_at", "-id"),
    "oldest": ("created_at", "id"),
    "changed": ("-updated_at", "-id"),
    "title": ("title", "id"),
    "largest": ("-file_size_bytes", "-id"),
    "smallest": ("file_size_bytes", "id"),
}
# Only what was searched for can match well or less so.
BEST = ("best", _("Best match"))
BEST_FIRST = ("-relevance", "-id")
SORT_NAMES = [
    ("", _("Newest first")),
    ("oldest", _("Oldest first")),
    ("changed", _("Last changed")),
    ("title", _("Title")),
    ("largest", _("Largest first")),
    ("smallest", _("Smallest first")),
]
NARROWING = ("q", "app", "type", "tag", "favourite", "since", "until")
MAX_TAGS = 20


class ProjectFilter(forms.Form):
    """Search, filters, order and view of the projects page. A value it does not know filters nothing."""

    q = forms.CharField(label=_("Search titles and text"), required=False, max_length=200)
    app = forms.ChoiceField(label=_("App"), required=False)
    type = forms.ChoiceField(label=_("Type"), required=False, choices=TYPES)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=50)
    favourite = forms.BooleanField(label=_("Favourites"), required=False)
    sort = forms.ChoiceField(label=_("Order"), required=False, choices=SORT_NAMES)
    since = forms.DateField(label=_("Made on or after"), required=False)
    until = forms.DateField(label=_("Made on or before"), required=False)
    view = forms.ChoiceField(required=False, choices=[("", _("Gallery")), ("list", _("List"))])

    def __init__(self, data: Any, apps: Iterable[ClientApp]) -> None:
        super().__init__(data)
        self.apps = list(apps)
        choices = [("", _("All apps")), *((app.slug, app.name) for app in self.apps)]
        cast(forms.ChoiceField, self.fields["app"]).choices = choices
        if str(data.get("q", "")).strip():
            cast(forms.ChoiceField, self.fields["sort"]).choices = [BEST, *SORT_NAMES]
        self.is_valid()

    @property
    def words(self) -> str:
        """What is searched for, or nothing."""
        return str(self.cleaned_data.get("q", ""))

    @property
    def order(self) -> tuple[str, ...]:
        chosen = self.cleaned_data.get("sort", "")
        return BEST_FIRST if chosen == BEST[0] else SORTS[chosen]

    def narrow(self, projects: ProjectQuerySet, owner: User) -> ProjectQuerySet:
        """Those of `projects` that the filters let through."""
        chosen = self.cleaned_data
        found = projects.matching(self.words, owner)
        if chosen.get("app"):
            found = found.from_app(chosen["app"])
        if chosen.get("tag"):
            found = found.tagged(chosen["tag"], owner)
        names = {"type": "project_type", "favourite": "favourite"}
        days = {"since": "created_at__date__gte", "until": "created_at__date__lte"}
        found = found.filter(**{field: chosen[name] for name, field in (names | days).items() if chosen.get(name)})
        return self.ranked(found.newest(MOST_RANKED)) if self.order == BEST_FIRST else found

    def ranked(self, projects: ProjectQuerySet) -> ProjectQuerySet:
        """`projects` with what they are ordered by."""
        return projects.ranked(self.words) if self.order == BEST_FIRST else projects

    @property
    def narrows(self) -> bool:
        """Whether anything is filtered away, so that an empty page can say so."""
        return any(self.cleaned_data.get(name) for name in NARROWING)

    @property
    def has_dates(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("since", "until"))

    @property
    def is_list(self) -> bool:
        return self.cleaned_data.get("view") == "list"

    @property
    def query(self) -> str:
        """What is chosen, as the address says it: "?app=penora&sort=title", or nothing."""
        chosen = {name: self.data[name] for name in self.fields if self.cleaned_data.get(name)}
        return f"?{urlencode(chosen)}" if chosen else ""


def validate_line(text: str) -> None:
    """What the API refuses in a line (`accounts.fields.Text`), the forms refuse too."""
    try:
        Text(max_length=200).run_validation(text)
    except ValidationError:
        raise forms.ValidationError(_("Contains a character that is not to be seen or changes the order.")) from None


class RenameForm(forms.Form):
    """A project's new title."""

    title = forms.CharField(label=_("Title"), max_length=200, validators=[validate_line])


class TagsForm(forms.Form):
    """A project's tags after one was added or taken away."""

    add = forms.CharField(label=_("Add a tag"), required=False, max_length=50)
    remove = forms.CharField(required=False)

    def __init__(self, data: Any, tags: list[str]) -> None:
        super().__init__(data)
        self._tags = tags

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = super().clean() or {}
        kept = [tag for tag in self._tags if tag != chosen.get("remove")]
        added = " ".join(chosen.get("add", "").split())
        if added and added not in kept:
            validate_line(added)
            kept.append(added)
        if len(kept) > MAX_TAGS:
            raise forms.ValidationError(_("A project can have %(most)d tags."), params={"most": MAX_TAGS})
        return {**chosen, "tags": kept}


class PreferencesForm(forms.Form):
    """What happens when something does not fit. A box that is not ticked is a no."""

    make_room_from_trash = forms.BooleanField(label=_("Make room from the trash"), required=False)
    fit = forms.BooleanField(label=_("Lower the quality of a picture that does not fit"), required=False)
    reduce = forms.BooleanField(label=_("Reduce large pictures"), required=False)

    @classmethod
    def showing(cls, preferences: dict[str, Any]) -> Self:
        """The boxes as they are ticked now."""
        return cls(initial={**preferences, "reduce": preferences["max_edge"] is not None})

    @property
    def chosen(self) -> dict[str, Any]:
        """What `services.set_preferences` takes."""
        boxes = dict(self.cleaned_data)
        return {"max_edge": LONG_EDGE if boxes.pop("reduce") else None, **boxes}


class LowStorageForm(forms.Form):
    """At how many percent to be told; empty or 0 for never."""

    full_mark = forms.IntegerField(
        label=_("Tell me at, in percent"), required=False, min_value=PERCENT[0], max_value=PERCENT[-1]
    )
