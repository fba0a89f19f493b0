"""Counts the pages of a DOCX: what its writer noted when that can be true of its text, else what its text fills.

The rule, in whole pages. Estimated are `max(characters / 1,800, page breaks + 1)`, breaks being hard ones or those
that Word left where it last broke the text. `<Pages>` of docProps/app.xml goes before the estimate when it is at least
`max(characters / 6,000, hard page breaks + 1)` (a template's stale 1 is not) and at most the estimate plus the
number of paragraphs (there is no page without one). 6,000 characters are more than A4 holds in single-spaced 10 point.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from xml.parsers import expat

from workspace.document_limits import (
    MAX_PAGES,
    Deadline,
    DocumentTooLarge,
    EncryptedDocument,
    InvalidDocument,
    OutOfTime,
    UnsupportedDocument,
    check_pages,
    pages_of_text,
    too_complicated,
)

MAX_ENTRIES = 5_000
MAX_UNZIPPED_BYTES = 256 * 1_048_576
# Where Apache POI, too, begins to speak of a zip bomb; small parts of repeated XML may pass it.
MAX_RATIO = 100
RATIO_FREE_BYTES = 1_048_576
MAX_PART_BYTES = 64 * 1_048_576
MAX_SMALL_PART_BYTES = 1_048_576
MAX_DEPTH = 500
MOST_CHARACTERS_PER_PAGE = 6_000

_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_WORD = frozenset(
    {
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    }
)
_CHUNK = 32_768
_DAMAGE = (zipfile.BadZipFile, zlib.error, expat.ExpatError, OSError, EOFError, ValueError, NotImplementedError)


def count(data: bytes) -> int:
    """Pages of a DOCX. Raises UnsupportedDocument (415) for any other zip, EncryptedDocument or InvalidDocument (400),
    DocumentTooLarge (413)."""
    # Every member has one of these marks, so a million members are seen before they are listed.
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise DocumentTooLarge(f"The file has more than {MAX_ENTRIES:,} parts.", max_parts=MAX_ENTRIES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return check_pages(_counted(archive))
    except OutOfTime:
        raise too_complicated() from None
    except _DAMAGE as error:
        raise InvalidDocument("The DOCX is damaged or incomplete.") from error


def _counted(archive: zipfile.ZipFile) -> int:
    members = {member.filename: member for member in archive.infolist()}
    _check(archive.infolist())
    deadline = Deadline()
    types = _ContentTypes()
    _read(archive, members.get("[Content_Types].xml"), types, deadline, MAX_SMALL_PART_BYTES)
    if types.main is None:
        raise UnsupportedDocument("Of zip files only DOCX documents are counted.")
    if types.main not in members:
        raise InvalidDocument("The DOCX lacks its text.")
    text, properties = _Text(), _Properties()
    _read(archive, members[types.main], text, deadline, MAX_PART_BYTES)
    try:
        _read(archive, members.get("docProps/app.xml"), properties, deadline, MAX_SMALL_PART_BYTES)
    except expat.ExpatError:
        # The note is a help, not the document.
        return text.estimate
    return properties.pages if text.allows(properties.pages) else text.estimate


def _check(members: list[zipfile.ZipInfo]) -> None:
    if any(member.flag_bits & 1 for member in members):
        raise EncryptedDocument("Remove the document's password and send it again.")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise InvalidDocument("The DOCX is packed in a way that Office does not know.")
    whole, packed = sum(member.file_size for member in members), sum(member.compress_size for member in members)
    if whole > MAX_UNZIPPED_BYTES or whole > max(packed * MAX_RATIO, RATIO_FREE_BYTES):
        raise DocumentTooLarge("The DOCX unpacks to more than a document may.", max_bytes=MAX_UNZIPPED_BYTES)


def _read(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo | None, reader: _Reader, deadline: Deadline, limit: int
) -> None:
    """Show a part to its reader, piece by piece; zipfile never yields more than the size that was checked."""
    if member is None:
        return
    if member.file_size > limit:
        raise DocumentTooLarge("A part of the DOCX is too large.", max_bytes=limit)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = reader.enter, reader.leave
    parser.CharacterDataHandler = reader.characters
    with archive.open(member) as part:
        while chunk := part.read(_CHUNK):
            deadline.check()
            parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _refuse(*_: object) -> None:
    # The door of entity bombs; no Office file has one.
    raise InvalidDocument("The DOCX declares a document type, which is not accepted.")


class _Reader:
    """What is wanted of an XML part, told element by element; names are `namespace local`."""

    _depth = 0

    def enter(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        # The parser keeps every open element; a page of tables in tables has a few dozen.
        if self._depth > MAX_DEPTH:
            raise InvalidDocument("The DOCX is nested deeper than a document can be.")
        self.start(name, attributes)

    def leave(self, name: str) -> None:
        self._depth -= 1
        self.end(name)

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def characters(self, text: str) -> None: ...


class _ContentTypes(_Reader):
    """Which part is the text: Office on the web calls it document2.xml."""

    main: str | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name.endswith(" Override") and attributes.get("ContentType") == _MAIN:
            self.main = attributes.get("PartName", "").removeprefix("/")


class _Properties(_Reader):
    """The number of pages that the writer noted, 0 for none."""

    def __init__(self) -> None:
        self._inside = False
        self._text = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._inside = name.endswith(" Pages")

    def end(self, name: str) -> None:
        self._inside = False

    def characters(self, text: str) -> None:
        if self._inside:
            self._text = (self._text + text)[:20]

    @property
    def pages(self) -> int:
        return int(self._text) if re.fullmatch(r"[0-9]{1,6}", self._text.strip()) else 0


class _Text(_Reader):
    """How much there is to lay out."""

    def __init__(self) -> None:
        self.length = self.paragraphs = self.hard_breaks = self.soft_breaks = 0
        self._in_text = False
        self._in_fallback = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        namespace, _, local = name.partition(" ")
        if local == "Fallback":
            # The same once more, for programs that know less.
            self._in_fallback += 1
        if self._in_fallback or namespace not in _WORD:
            return
        self._in_text = local == "t"
        self.paragraphs += local == "p"
        self.soft_breaks += local == "lastRenderedPageBreak"
        self.hard_breaks += local == "br" and attributes.get(f"{namespace} type") == "page"

    def end(self, name: str) -> None:
        self._in_text = False
        if name.endswith(" Fallback"):
            self._in_fallback -= 1

    def characters(self, text: str) -> None:
        if self._in_text:
            self.length += len(text)

    @property
    def estimate(self) -> int:
        """Pages by the text alone."""
        return max(pages_of_text(self.length), self.hard_breaks + 1, self.soft_breaks + 1)

    def allows(self, pages: int) -> bool:
        """Whether the text can have so many pages."""
        fewest = max(-(-self.length // MOST_CHARACTERS_PER_PAGE), self.hard_breaks + 1)
        return fewest <= pages <= min(self.estimate + self.paragraphs, MAX_PAGES)
