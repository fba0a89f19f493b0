"""What would make room: purging the trash, compressing more, deleting the largest or the oldest. Reads only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import QuerySet

from accounts.models import User
from workspace.compression import Offer, offer_for
from workspace.models import Project

# How many projects one request may name.
MAX_CODES = 100
# Ways to make room that lose less than the surest one, listed beside it; and the oldest, as another choice.
ALTERNATIVES = 10
# So many are suggested one by one, the rest in requests of as many as one may name.
SINGLY = 100
API = "/api/unified"

Action = Literal["purge", "delete", "compress"]
Reason = Literal["trashed", "compressible", "largest", "oldest"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Bytes and every project of the person that shows them: they are free once all of those are gone."""

    projects: tuple[Project, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One request that makes room. `frees_bytes` is exact, but estimated where there is an `offer` to compress.

    `for_good` says whether a deletion skips the trash, where bytes count."""

    action: Action
    reason: Reason
    projects: tuple[Project, ...]
    frees_bytes: int
    offer: Offer | None = None
    for_good: bool = True

    @property
    def codes(self) -> list[str]:
        return [project.code for project in self.projects]

    def facts(self, user: User) -> dict[str, Any]:
        """The suggestion as the API shows it, with the request to send and the one that undoes it."""
        first, named = self.projects[0], {"user_id": user.user_id, "project_codes": self.codes}
        body = named if self.action == "compress" else {**named, "permanent": self.for_good}
        path = "compress" if self.action == "compress" else "delete"
        return {
            "action": self.action,
            "reason": self.reason,
            "app_source": first.app.slug,
            "project_code": first.code,
            "project_codes": self.codes,
            "title": first.title,
            "frees_bytes": self.frees_bytes,
            "estimated": self.offer is not None,
            "quality_before": self.offer.quality_before if self.offer else None,
            "quality_after": self.offer.quality_after if self.offer else None,
            "request": f"POST {API}/projects/{path}",
            "body": body,
            "undo": None if self.for_good else {"request": f"POST {API}/projects/restore", "body": named},
        }


def to_make_room(user: User, missing: int) -> list[Suggestion]:
    """What frees `missing` bytes, what loses least first: the trash, compressing, then the largest and the oldest.

    Purging and deleting what is named, without the oldest, frees enough whenever deleting everything would. What
    compressing frees is estimated, so it comes on top, as the oldest do. No project is named twice."""
    twins = _twins(user)
    trashed = _enough(_bearers(user).trashed().order_by("-file_size_bytes", "-id"), missing, twins)
    left = missing - sum(unit.size_bytes for unit in trashed)
    live = _bearers(user).live()
    largest = _enough(live.order_by("-file_size_bytes", "-id"), left, twins)
    found = list(_singly_or_packed("purge", "trashed", trashed))
    if left > 0:
        named = {project.pk for unit in largest for project in unit.projects}
        apart = [it for it in compressible(user) if named.isdisjoint(project.pk for project in it.projects)]
        smaller = _until(apart[:ALTERNATIVES], left)
        named |= {project.pk for it in smaller for project in it.projects}
        oldest = _enough(live.exclude(pk__in=named).order_by("created_at", "id")[:ALTERNATIVES], left, twins)
        found += smaller
        found += _singly_or_packed("delete", "largest", largest)
        found += _singly_or_packed("delete", "oldest", oldest)
    return found


def compressible(user: User) -> list[Suggestion]:
    """What compressing more is estimated to free, of the person's largest hundred projects, best first."""
    twins = _twins(user)
    offered = [
        (offer, unit)
        for unit in _units(_bearers(user).live().order_by("-file_size_bytes", "-id")[:SINGLY], twins)
        if len(unit.projects) <= MAX_CODES and (offer := offer_for(unit.projects[0])) is not None
    ]
    offered.sort(key=lambda pair: -pair[0].saves_bytes)
    return [Suggestion("compress", "compressible", unit.projects, offer.saves_bytes, offer) for offer, unit in offered]


def freeing_most(user: User, count: int) -> list[Suggestion]:
    """The `count` steps that would free the most, each project's own: purge, move to the trash, or compress.

    What is moved to the trash frees its bytes when it is purged from there."""
    twins = _twins(user)
    trashed = _units(_bearers(user).trashed().order_by("-file_size_bytes", "-id")[:count], twins)
    live = _units(_bearers(user).live().order_by("-file_size_bytes", "-id")[:count], twins)
    found = [*_singly_or_packed("purge", "trashed", trashed), *compressible(user)]
    found += _singly_or_packed("delete", "largest", live, for_good=False)
    return sorted(found, key=lambda it: -it.frees_bytes)[:count]


def _bearers(user: User) -> Any:
    """The person's projects that count bytes, with what a suggestion tells of them."""
    shown = ("code", "title", "project_type", "encoding", "encoder", "width", "height", "file_size_bytes", "content")
    owned = Project.objects.owned_by(user).filter(file_size_bytes__gt=0).select_related("app")
    return owned.only(*shown, "app__slug", "user", "trashed_at", "created_at")


def _twins(user: User) -> dict[int, list[Project]]:
    """The person's projects that count nothing because another shows the same bytes, by content."""
    found: dict[int, list[Project]] = {}
    for project in Project.objects.owned_by(user).filter(file_size_bytes=0).only("code", "content"):
        found.setdefault(project.content_id, []).append(project)
    return found


def _units(bearers: Iterable[Project], twins: dict[int, list[Project]]) -> list[Unit]:
    return [Unit((each, *twins.get(each.content_id, ())), each.file_size_bytes) for each in bearers]


def _enough(bearers: QuerySet[Project], missing: int, twins: dict[int, list[Project]]) -> list[Unit]:
    """The first of them that together free `missing` bytes, or all when they do not."""
    chosen: list[Project] = []
    for bearer in bearers.iterator(SINGLY) if missing > 0 else ():
        chosen.append(bearer)
        missing -= bearer.file_size_bytes
        if missing <= 0:
            break
    return _units(chosen, twins)


def _until(offered: Iterable[Suggestion], missing: int) -> list[Suggestion]:
    """The first of them that are estimated to free `missing` bytes."""
    chosen: list[Suggestion] = []
    for suggestion in offered:
        if missing > 0:
            chosen.append(suggestion)
            missing -= suggestion.frees_bytes
    return chosen


def _singly_or_packed(
    action: Action, reason: Reason, units: Sequence[Unit], *, for_good: bool = True
) -> Iterator[Suggestion]:
    """One request for each unit while they are few, then many in one; none names more projects than it may."""
    batch: list[Project] = []
    freed = 0
    for number, unit in enumerate(units):
        for start in range(0, len(unit.projects), MAX_CODES):
            part = unit.projects[start : start + MAX_CODES]
            if batch and (number < SINGLY or len(batch) + len(part) > MAX_CODES):
                yield Suggestion(action, reason, tuple(batch), freed, for_good=for_good)
                batch, freed = [], 0
            batch += part
        freed += unit.size_bytes
    if batch:
        yield Suggestion(action, reason, tuple(batch), freed, for_good=for_good)
