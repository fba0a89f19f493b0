"""Keeps what a project is found by in step with it; every service that changes a project's words calls this."""

from typing import Any

from django.db import transaction

from accounts.models import User
from credits import services as credits
from workspace import content, search, search_index
from workspace.models import Project, SearchEntry

AT_ONCE = 50


def index(project: Project, body: str | None = None) -> None:
    """Write the words of `project`; `body` are those of its text, where None leaves them as they are.

    The caller has saved the project and holds its owner's lock."""
    if body is None:
        body = SearchEntry.objects.values_list("body", flat=True).get(project=project)
    SearchEntry.objects.update_or_create(project=project, defaults={"user": project.user, **entry_of(project, body)})


def entry_of(project: Project, body: str) -> dict[str, Any]:
    """What the entry of `project` should say when `body` are the words of its text."""
    about = search.words_of(project.title, *search.strings_of(project.metadata), *project.tags)
    words = [*map(search_index.tag_term, project.tags), *search.distinct(about, body)]
    terms = " ".join(f"{project.user_id}.{word}" for word in words)
    return {"place": search_index.place_of(project.app_id, project.pk), "terms": terms, "about": about, "body": body}


def body_of(project: Project) -> str:
    """The words of the text that is stored; a picture has none."""
    return search.words_of(content.text_of(project))


def is_stale(project: Project) -> bool:
    """Whether `project` would not be found by its own words, or by words that it does not have."""
    entry = (
        SearchEntry.objects.filter(project=project, user=project.user_id)
        .values("place", "terms", "about", "body")
        .first()
    )
    return entry != entry_of(project, body_of(project))


def rebuild_search() -> int:
    """Cut every project into words again and fill the index anew; returns how many there are."""
    owners = User.objects.filter(pk__in=Project.objects.values("user")).order_by("pk")
    count = sum(_rebuild_one(user) for user in owners)
    search_index.refill()
    return count


@transaction.atomic
def _rebuild_one(user: User) -> int:
    credits.lock_owner(user=user)
    count = 0
    for project in Project.objects.owned_by(user).select_related("user").order_by("pk").iterator(AT_ONCE):
        index(project, body_of(project))
        count += 1
    return count
