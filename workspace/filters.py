"""Which of a person's projects a list shows; the API and the pages ask with the same names."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from accounts.models import User
from workspace import search, search_index
from workspace.models import Project, ProjectQuerySet

# Phrases are counted so far, so that the first page of them does not read every text that has their words.
MOST_COUNTED = 100
FIELDS = {
    "app_source": "app__slug",
    "project_type": "project_type",
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
    "favourite": "favourite",
}


def filtered(user: User, wanted: dict[str, Any]) -> ProjectQuerySet:
    """The person's projects that fit the filters of the projects query (contract, section 3), by their names there."""
    owned = Project.objects.owned_by(user)
    projects = owned.trashed() if wanted.get("trashed") else owned.live()
    return _found(projects, user, wanted).filter(**{FIELDS[name]: wanted[name] for name in wanted.keys() & FIELDS})


def _found(projects: ProjectQuerySet, user: User, wanted: dict[str, Any]) -> ProjectQuerySet:
    if "tag" in wanted:
        projects = projects.tagged(wanted["tag"], user)
    return projects.matching(wanted["q"], user) if "q" in wanted else projects


class Total(NamedTuple):
    """How many projects of each app, by its key, and whether there are no more of them than that."""

    counts: Mapping[int, int]
    is_exact: bool


def counted(user: User, wanted: dict[str, Any]) -> Total:
    """How many of the person's projects fit the same filters: of those with a phrase MOST_COUNTED at most."""
    query = search.parse(wanted.get("q", ""))
    if search_index.looked_up(query):
        return _as_far_as_counted(filtered(user, wanted))
    sought = query.chunks or "tag" in wanted
    if not sought or wanted.get("trashed") or wanted.keys() & FIELDS:
        return Total(filtered(user, wanted).counts(), True)
    # The index counts what it finds by itself; all that it does not know is what lies in the trash.
    every = Counter(search_index.counts(search_index.asked(query, user.pk, wanted.get("tag"))))
    return Total(every - Counter(_found(Project.objects.owned_by(user).trashed(), user, wanted).counts()), True)


def _as_far_as_counted(projects: ProjectQuerySet) -> Total:
    """The newest of `projects`, counted: whether words stand side by side, the text of each has to be read for."""
    apps = list(projects.order_by("-created_at", "-pk").values_list("app_id", flat=True)[: MOST_COUNTED + 1])
    return Total(Counter(apps[:MOST_COUNTED]), len(apps) <= MOST_COUNTED)
