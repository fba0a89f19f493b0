"""Which of a person's projects a list shows; the API and the pages ask with the same names."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from accounts.models import User
from workspace import search, search_index
from workspace.models import Project, ProjectQuerySet

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


def counted(user: User, wanted: dict[str, Any]) -> Mapping[int, int]:
    """How many of the person's projects fit the same filters, for each app by its key."""
    query = search.parse(wanted.get("q", ""))
    sought = query.chunks or "tag" in wanted
    is_phrase = any(len(chunk.words) > 1 for chunk in query.chunks)
    if not sought or is_phrase or wanted.get("trashed") or wanted.keys() & FIELDS:
        return filtered(user, wanted).counts()
    # The index counts what it finds by itself; all that it does not know is what lies in the trash.
    every = Counter(search_index.counts(search_index.asked(query, user.pk, wanted.get("tag"))))
    return every - Counter(_found(Project.objects.owned_by(user).trashed(), user, wanted).counts())
