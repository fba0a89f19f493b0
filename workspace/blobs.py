"""Where a picture's bytes are: in its row, or as an object in the storage that STORAGE_URL names.

Every object is written down somewhere at every moment: as loose before it is uploaded, in its content from the commit
that shows it, and as loose again from the commit that lets it go. So whatever fails in between, nothing that is shown
is ever missing, and what nobody shows is found again and collected. A name is used once and by one content: an upload
can neither meet nor be met by a deletion.

Nothing here but `claim` and `discard` may be called inside a transaction: the rest is network."""

import hashlib
import logging
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import DomainError
from accounts.models import User
from workspace.models import Content, LooseObject

logger = logging.getLogger(__name__)
ALIAS = "content"
# Far longer than a request takes from its upload to its commit.
SAFE_AGE = timedelta(hours=1)
COLLECTED_AT_ONCE = 500


class StorageUnavailable(DomainError):
    """The storage does not answer, or not with what was put there."""

    code = "storage_unavailable"
    status = 503
    title = "Storage unavailable"


def storage() -> Storage | None:
    """The storage beside the database, when there is one."""
    return storages[ALIAS] if ALIAS in settings.STORAGES else None


def ask() -> None:
    """Whether the storage answers at all. Raises StorageUnavailable."""
    target = storage()
    try:
        if target is not None:
            target.exists("readyz")
    except Exception:
        logger.exception("The storage does not answer.")
        raise _unavailable() from None


def upload(user: User, data: bytes) -> str:
    """Put `data` into the storage and return the name to claim; "" when the database is to keep it.

    That is so without a storage, and when the storage does not take it: a work is not lost because of that."""
    target = storage()
    if target is None:
        return ""
    name = f"{user.pk}/{hashlib.sha256(data).hexdigest()}-{secrets.token_hex(8)}"
    LooseObject.objects.create(name=name)
    try:
        target.save(name, ContentFile(data))
    # Whatever a storage's driver raises means the same here.
    except Exception:
        logger.exception("The storage did not take %s; the database keeps these bytes.", name)
        return ""
    return name


def claim(names: Iterable[str]) -> set[str]:
    """Make uploaded objects part of the running transaction; returns those that were not collected meanwhile."""
    wanted = [name for name in names if name]
    if not wanted:
        return set()
    there = LooseObject.objects.select_for_update().filter(name__in=wanted, doomed=False)
    claimed = set(there.values_list("name", flat=True))
    LooseObject.objects.filter(name__in=claimed).delete()
    return claimed


def read(name: str) -> bytes:
    """The bytes of an object, as they were when it was written. Raises StorageUnavailable."""
    source = storage()
    try:
        if source is None:
            raise FileNotFoundError("STORAGE_URL is not set")
        with source.open(name) as file:
            data = bytes(file.read())
        if hashlib.sha256(data).hexdigest() != sum_in(name):
            raise ValueError("its bytes are not those that were written")
    except Exception:
        logger.exception("Object %s cannot be read.", name)
        raise _unavailable() from None
    return data


def _unavailable() -> StorageUnavailable:
    return StorageUnavailable(
        "The place where pictures are kept does not answer. Nothing is lost; try again later.",
        headers={"Retry-After": "30"},
    )


def sum_in(name: str) -> str:
    """The SHA-256 of an object, which its name carries."""
    return name.partition("/")[2].partition("-")[0]


def discard(contents: QuerySet[Content]) -> None:
    """Delete contents; their objects are collected once this is committed."""
    names = list(contents.exclude(name="").values_list("name", flat=True))
    LooseObject.objects.bulk_create(LooseObject(name=name, doomed=True) for name in names)
    contents.only("pk").delete()


def collect(*, before: datetime | None = None) -> int:
    """Delete the objects that nobody has shown since `before` (default: an hour ago); returns how many.

    First they are doomed, so that nobody can claim them any more, then deleted, then forgotten: cut short, it is
    simply done again."""
    target = storage()
    if target is None:
        return 0
    old = LooseObject.objects.filter(created_at__lt=before or timezone.now() - SAFE_AGE)
    old.filter(doomed=False).update(doomed=True)
    count = 0
    while names := list(old.filter(doomed=True).values_list("name", flat=True)[:COLLECTED_AT_ONCE]):
        for name in names:
            target.delete(name)
            count += LooseObject.objects.filter(name=name).delete()[0]
    return count


def find_unknown(*, before: datetime | None = None) -> int:
    """Note as loose every object in the storage that nothing here knows, last written before `before`.

    There are some after an older copy of the database was brought back; returns how many were found."""
    source = storage()
    if source is None:
        return 0
    before = before or timezone.now() - SAFE_AGE
    found = 0
    for owner in source.listdir("")[0]:
        for leaf in source.listdir(owner)[1]:
            name = f"{owner}/{leaf}"
            # In this order: what is claimed between the two questions is in a content by the second.
            written = source.get_modified_time(name)
            known = LooseObject.objects.filter(name=name).exists() or Content.objects.filter(name=name).exists()
            if not known and written < before:
                LooseObject.objects.get_or_create(name=name, defaults={"created_at": written, "doomed": True})
                found += 1
    return found
