"""Opens the zip of an export that somebody hands in: looked through from end to end before any of it is believed.

Nothing is ever unpacked to disk, so a name is only a name; still, names that try to be paths show what a file is."""

import hashlib
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from rest_framework.exceptions import ParseError, ValidationError

from accounts import strict_json
from workspace.zipping import SUMS

MAX_FILES = 100_000
MAX_UNPACKED_BYTES = 16 * 1024**3
# The directory is read into memory at once: 46 bytes and a name for each file.
MAX_DIRECTORY_BYTES = 16 * 1024**2
MAX_DOCUMENT_BYTES = 1_048_576
CHUNK = 65_536
_NAME = re.compile(r"(?:(?:projects|trash|stored|versions)/)?[^/\\\x00-\x1f\x7f:]{1,255}")
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_DAMAGE = (
    BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    UnicodeError,
)


class ExportUnreadable(Exception):
    """The file is no export, or not as it was when it was made."""


class ReceivedZip:
    """An export's files by name. Every read is bounded, and what cannot be read raises ExportUnreadable."""

    def __init__(self, path: Path) -> None:
        with _named("The file cannot be opened"):
            _check_end(path)
            self._zip = ZipFile(path)
        try:
            self._files = _checked(self._zip.infolist())
        except ExportUnreadable:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Read everything once: each file must be listed with its sum, and each that is listed must be there."""
        listed = dict(self._sums())
        if listed.keys() != self._files.keys() - {SUMS}:
            raise ExportUnreadable(f"{SUMS} does not name the files that are in it.")
        for name, expected in listed.items():
            hashed = hashlib.sha256()
            for chunk in self._chunks(name):
                hashed.update(chunk)
            if hashed.hexdigest() != expected:
                raise ExportUnreadable(f"{strict_json.shown(name)} was changed after the export was made.")

    def _sums(self) -> Iterator[tuple[str, str]]:
        for line in self._lines(SUMS):
            match = _SUM.fullmatch(line)
            if match is None:
                raise ExportUnreadable(f"{SUMS} has a line that is no sum.")
            yield match[2], match[1]

    def bytes_of(self, name: str, limit: int) -> bytes:
        """A whole file of at most `limit` bytes."""
        if self._info(name).file_size > limit:
            raise ExportUnreadable(f"{strict_json.shown(name)} is larger than {limit:,} bytes.")
        return b"".join(self._chunks(name))

    def document(self, name: str) -> dict[str, Any]:
        """A file that is one JSON object."""
        return _object(self.bytes_of(name, MAX_DOCUMENT_BYTES), name)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._files

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """The objects of a file that is a list with one object to a line, as exports are written."""
        for line in self._lines(name):
            if line not in ("[", "]", "[]"):
                yield _object(line.removesuffix(",").encode(), name)

    def _lines(self, name: str) -> Iterator[str]:
        with _named(f"{name} cannot be read"), self._zip.open(self._info(name)) as file:
            # A longer line comes in pieces, none of which is what a line has to be.
            while line := file.readline(MAX_DOCUMENT_BYTES):
                yield line.decode().rstrip("\n")

    def _chunks(self, name: str) -> Iterator[bytes]:
        with _named(f"{strict_json.shown(name)} cannot be read"), self._zip.open(self._info(name)) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def _info(self, name: str) -> ZipInfo:
        try:
            return self._files[name]
        except KeyError:
            raise ExportUnreadable(f"{strict_json.shown(name)} is missing.") from None


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ExportUnreadable(f"{what}: {error}.") from None


def _check_end(path: Path) -> None:
    """The zip's own end, where an export has it, and how large the directory before it is."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        tail = _tail(file, size, 98)
    if tail[-22:-18] != b"PK\x05\x06":
        raise ExportUnreadable("The file is no zip, or its end is missing.")
    (directory,) = struct.unpack("<L", tail[-10:-6])
    if directory == 0xFFFFFFFF:
        # A large one says it in the record before: 56 bytes, then the 20 that say where that is.
        record = tail[-98:-42]
        (directory,) = struct.unpack("<Q", record[40:48]) if record[:4] == b"PK\x06\x06" else (MAX_DIRECTORY_BYTES + 1,)
    if directory > MAX_DIRECTORY_BYTES:
        raise ExportUnreadable("The file has more parts than an export.")


def _tail(file: Any, size: int, length: int) -> bytes:
    file.seek(max(0, size - length))
    return bytes(file.read(length))


def _checked(entries: list[ZipInfo]) -> dict[str, ZipInfo]:
    """The files by name, when each is one that an export could have, and all together are not too much."""
    files = {entry.filename: entry for entry in entries}
    if len(files) != len(entries):
        raise ExportUnreadable("Two files have the same name.")
    if len(files) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise ExportUnreadable("Unpacked, the file would be larger than an export.")
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if (
            entry.orig_filename != entry.filename
            or not _NAME.fullmatch(entry.filename)
            or entry.filename.rpartition("/")[2] in (".", "..")
            or entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED)
            or entry.flag_bits & 1
            or kind not in (0, stat.S_IFREG)
        ):
            raise ExportUnreadable(f"{strict_json.shown(entry.filename)} is nothing that an export has.")
    return files


def _object(raw: bytes, name: str) -> dict[str, Any]:
    try:
        found = strict_json.loads(strict_json.decode(raw))
    except (ParseError, ValidationError) as error:
        raise ExportUnreadable(f"{name} is not what an export says: {error.detail}") from None
    if not isinstance(found, dict):
        raise ExportUnreadable(f"{name} is not what an export says.")
    return found
