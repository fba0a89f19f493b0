"""The files of projects in a zip: of each what opens everywhere, and on request what is stored, byte for byte."""

import hashlib
import logging
import time
from collections.abc import Generator, Iterable, Iterator

import brotli

from accounts.errors import DomainError
from accounts.exporting import Row, Spool, let_go
from accounts.models import User
from workspace import content, images
from workspace.delivery import ENDINGS, file_name
from workspace.models import ProjectQuerySet, ProjectVersion
from workspace.zipping import ZipStream

logger = logging.getLogger(__name__)
# Contents are read this many projects, or about this many bytes, at a time.
PROJECTS_AT_ONCE = 50
BYTES_AT_ONCE = 1_048_576
TRIES, TRY_AGAIN_SECONDS = 120, 0.5
OPENS_EVERYWHERE = ("image/png", "image/jpeg", "image/gif")
FACTS = (
    "project_type",
    "title",
    "tags",
    "favourite",
    "metadata",
    "content_type",
    "width",
    "height",
    "original_size_bytes",
    "file_size_bytes",
    "encoding",
    "encoder",
    "version",
    "created_at",
    "updated_at",
    "trashed_at",
)
FILES = ("content_sha256", "file", "stored_file")
COLUMNS = ("project_code", "app_source", *FACTS, *FILES)
VERSION_FACTS = (
    "project_type",
    "content_type",
    "width",
    "height",
    "original_size_bytes",
    "encoding",
    "encoder",
    "saved_at",
    "replaced_at",
)
VERSION_COLUMNS = ("project_code", "version", *VERSION_FACTS, "file_size_bytes", *FILES)


def project_rows(projects: ProjectQuerySet) -> Iterator[Row]:
    """Each project without its content; `folder` and `name` are where its files will be."""
    found = projects.select_related("app").defer("tag_index", "excerpt").order_by("pk")
    for project in found.iterator(PROJECTS_AT_ONCE):
        yield {
            "folder": "trash" if project.trashed_at else "projects",
            "name": file_name(project),
            "content": project.content_id,
            "project_code": project.code,
            "app_source": project.app.slug,
            **{fact: getattr(project, fact) for fact in FACTS},
            "content_sha256": project.content_hash,
        }


def version_rows(user: User) -> Iterator[Row]:
    """The same of each earlier version of the person's projects."""
    found = ProjectVersion.objects.filter(user=user).select_related("project", "content").order_by("pk")
    unread = ("excerpt", "content__data", "content__thumbnail", "project__metadata", "project__excerpt")
    for version in found.defer(*unread).iterator(PROJECTS_AT_ONCE):
        yield {
            "folder": "versions",
            "name": f"{file_name(version.project)}-v{version.number}",
            "content": version.content_id,
            "project_code": version.project.code,
            "version": version.number,
            **{fact: getattr(version, fact) for fact in VERSION_FACTS},
            "file_size_bytes": version.content.size_bytes,
            "content_sha256": version.content_hash,
        }


class ProjectFiles:
    """Puts the contents of one person's projects into a zip; `left_out` gets what could not go in, and why."""

    def __init__(self, user: User, target: ZipStream, left_out: list[Row], *, as_stored: bool) -> None:
        self._user, self._zip, self._left_out, self._as_stored = user, target, left_out, as_stored
        self._stored: set[str] = set()

    def add(self, rows: Iterable[Row], listed: Spool) -> Iterator[bytes]:
        """The zip's next bytes; `listed` gets every row with the names of its files."""
        for batch in _batches(rows):
            found = content.stored_bytes(self._user, [row["content"] for row in batch])
            let_go()
            for row in batch:
                data = found.get(row["content"], b"")
                files: Row = {"file": None, "stored_file": None}
                if hashlib.sha256(data).hexdigest() == row["content_sha256"]:
                    files = yield from self._one(row, data)
                else:
                    self._leave_out(row, "It was changed or deleted while the export was made.")
                listed.add({**row, **files})

    def _one(self, row: Row, data: bytes) -> Generator[bytes, None, Row]:
        stored = None
        if row["project_type"] == "text":
            raw = brotli.decompress(data) if row["encoding"] == "br" else data
            ending = "md" if row["content_type"].startswith("text/markdown") else "txt"
        else:
            stored = yield from self._as_it_is(row, data)
            raw, ending = self._portable(row, data)
        name = f"{row['folder']}/{row['name']}.{ending}"
        yield from self._zip.add(name, [raw])
        return {"file": name, "stored_file": stored}

    def _as_it_is(self, row: Row, data: bytes) -> Generator[bytes, None, str | None]:
        """The bytes as stored, once however many projects share them, under a name that is their sum."""
        if not self._as_stored:
            return None
        name = f"stored/{row['content_sha256']}.{ENDINGS.get(row['content_type'], 'bin')}"
        if name not in self._stored:
            self._stored.add(name)
            yield from self._zip.add(name, [data])
        return name

    def _portable(self, row: Row, data: bytes) -> tuple[bytes, str]:
        """The picture as PNG or JPEG; as stored when it cannot be read any more."""
        kind = row["content_type"]
        if kind not in OPENS_EVERYWHERE:
            try:
                data, kind = _patiently(data, self._user)
            except DomainError:
                logger.exception("Picture %s cannot be read", row["project_code"])
                self._leave_out(row, "The picture cannot be read, so there is no PNG or JPEG of it.")
        return data, ENDINGS.get(kind, "bin")

    def _leave_out(self, row: Row, why: str) -> None:
        self._left_out.append({"project_code": row["project_code"], "why": why})


def _patiently(data: bytes, user: User) -> tuple[bytes, str]:
    """The portable copy: whoever waits for a zip can wait for its pictures, too."""
    for _ in range(TRIES):
        try:
            return images.portable(data, owner=user.pk)
        except images.PicturesBusy:
            time.sleep(TRY_AGAIN_SECONDS)
    return images.portable(data, owner=user.pk)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows whose contents are read together."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += row["file_size_bytes"]
        if len(batch) == PROJECTS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
