"""Moves pictures that are there already between the database and the storage, one by one, while work goes on.

A picture is in both places until the commit that says where it is; cut short, the move is simply started again."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.exporting import pages
from credits import services as credits
from workspace import blobs
from workspace.models import Content, LooseObject, Project, ProjectType, ProjectVersion


@dataclass(slots=True)
class Tally:
    """How many pictures were moved, of how many bytes, and how many stayed where they were."""

    moved: int = 0
    bytes: int = 0
    left: int = 0

    def count(self, content: Content, done: bool) -> None:
        self.moved += done
        self.bytes += content.size_bytes if done else 0
        self.left += not done


def to_storage() -> Tally:
    """Upload every picture that the database keeps; what the storage does not take stays."""
    texts = {"content": OuterRef("pk"), "project_type": ProjectType.TEXT}
    now, earlier = Exists(Project.objects.filter(**texts)), Exists(ProjectVersion.objects.filter(**texts))
    tally = Tally()
    for content in _each(Content.objects.filter(~now, ~earlier, name="")):
        name = blobs.upload(content.user, bytes(content.data))
        tally.count(content, bool(name) and _point(content, name, b""))
    return tally


def to_database() -> Tally:
    """Bring every picture back into the database; what cannot be read stays."""
    tally = Tally()
    for content in _each(Content.objects.exclude(name="")):
        try:
            data = blobs.read(content.name)
        except blobs.StorageUnavailable:
            tally.count(content, False)
        else:
            tally.count(content, _point(content, "", data))
    return tally


def _each(contents: QuerySet[Content]) -> Iterator[Content]:
    """One at a time, with its bytes; those that were let go meanwhile are passed over."""
    for page in pages(contents.only("pk"), by="pk"):
        for listed in page:
            content = contents.filter(pk=listed.pk).select_related("user").first()
            if content is not None:
                yield content


@transaction.atomic
def _point(content: Content, name: str, data: bytes) -> bool:
    """Have the content in its new place from this commit on, unless it is gone or its new object was collected."""
    credits.lock_owner(user=content.user)
    here = Content.objects.filter(pk=content.pk, name=content.name)
    if not here.exists() or (name and not blobs.claim([name])):
        return False
    here.update(name=name, data=data)
    if content.name:
        LooseObject.objects.create(name=content.name, doomed=True)
    return True
