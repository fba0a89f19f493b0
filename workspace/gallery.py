"""How projects stand on a page: grouped by day, and who comes before and after one of them. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from workspace.models import Project, ProjectQuerySet

# Read by no list: what only the viewer needs.
HEAVY = ("metadata", "encoder")
BESIDE = 4


@dataclass(frozen=True)
class Group:
    """Projects that stand together: those of one of the reader's days, or with None all of them."""

    day: date | None
    projects: list[Project]


def by_day(projects: Iterable[Project], order: Sequence[str]) -> list[Group]:
    """The page in groups, one per day when it is ordered by when projects were made."""
    if order[0].removeprefix("-") != "created_at":
        return [Group(None, list(projects))]
    days = groupby(projects, key=lambda project: timezone.localtime(project.created_at).date())
    return [Group(day, list(made)) for day, made in days]


@dataclass(frozen=True)
class Neighbours:
    """The next few before and after a project in its list, in the list's order."""

    before: list[Project]
    after: list[Project]

    @property
    def previous(self) -> Project | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Project | None:
        return self.after[0] if self.after else None


def neighbours(found: ProjectQuerySet, shown: Project, order: Sequence[str]) -> Neighbours:
    """Who stands beside `shown` among `found`, which `order` (a field, then the id, alike) arranges. Two queries."""
    field, descending = order[0].removeprefix("-"), order[0].startswith("-")
    value = getattr(shown, field)
    listed = found.select_related("app").defer(*HEAVY)

    def beside(word: str) -> ProjectQuerySet:
        return listed.filter(Q(**{f"{field}__{word}": value}) | Q(**{field: value, f"id__{word}": shown.pk}))

    later, earlier = ("lt", "gt") if descending else ("gt", "lt")
    reverse = [_reversed(name) for name in order]
    before = list(beside(earlier).order_by(*reverse)[:BESIDE])
    return Neighbours(before[::-1], list(beside(later).order_by(*order)[:BESIDE]))


def _reversed(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


def tags_of(user: User) -> list[str]:
    """Every tag on the person's live projects, in order."""
    tagged: Any = Project.objects.owned_by(user).live().exclude(tag_index="").values_list("tags", flat=True)
    return sorted({tag for tags in tagged for tag in tags}, key=str.casefold)
