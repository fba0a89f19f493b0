"""Keeps what a project is found by in step with it; every service that changes a project's words calls this."""

from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Func, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from credits import services as credits
from workspace import content, search, search_index
from workspace.models import Project, SearchEntry

AT_ONCE = 50
# Bytes of words; what has no more is bounded by the number of projects alone, and costs no look at the others.
LIGHT = 2_000


class _Bytes(Func):
    function = "OCTET_LENGTH"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def index(project: Project, body: str | None = None) -> None:
    """Write the words of `project`; `body` are those of its text, where None leaves them as they are.

    The caller has saved the project and holds its owner's lock."""
    keep(project, entry_with(project, body))


def entry_with(project: Project, body: str | None) -> dict[str, Any]:
    """What the entry of `project` should say; `body` are the words of its text, where None leaves them as they are."""
    if body is None:
        body = SearchEntry.objects.values_list("body", flat=True).get(project=project)
    return entry_of(project, body)


def keep(project: Project, entry: dict[str, Any]) -> None:
    """Write what the entry of `project` says from now on."""
    SearchEntry.objects.update_or_create(project=project, defaults={"user": project.user, **entry})


def weight_with(project: Project, entry: dict[str, Any]) -> int:
    """The bytes of all words of its owner's projects once `project` has `entry`; 0 where that is light, or no more
    than it was."""
    new = len(entry["about"].encode()) + len(entry["body"].encode())
    if new <= LIGHT:
        return 0
    size = Coalesce(Sum(_Bytes("about") + _Bytes("body")), 0)
    entries = SearchEntry.objects.filter(user=project.user_id)
    old = entries.filter(project=project).aggregate(size=size)["size"]
    return int(entries.aggregate(size=size)["size"] - old + new) if new > old else 0


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
