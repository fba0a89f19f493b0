"""Writes a zip as a stream: nothing is kept but the directory, and every file's SHA-256 is noted on the way."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from accounts.exporting import Spool

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SUMS = "SHA256SUMS.txt"
ENOUGH_BYTES = 65_536


class _Sink(io.RawIOBase):
    """Where the zip library writes, and what is taken from there. It cannot seek, so nothing is ever rewritten."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: "ReadableBuffer") -> int:
        part = bytes(data)
        self._parts.append(part)
        self.size += len(part)
        return len(part)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts, self.size = [], 0
        return data


class ZipStream:
    """A zip made file by file; every method yields the next bytes of it.

    Everything is deflated: a stored file whose length comes after it cannot be read by programs that read streams."""

    def __init__(self, at: datetime) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w", ZIP_DEFLATED)
        self._at = at.timetuple()[:6]
        self._sums = Spool()
        self.files = 0

    def add(self, name: str, chunks: Iterable[bytes | str]) -> Iterator[bytes]:
        """One file, whose content may come in pieces of any size."""
        hashed = hashlib.sha256()
        with self._zip.open(self._entry(name), "w") as out:
            for chunk in chunks:
                data = chunk.encode() if isinstance(chunk, str) else chunk
                hashed.update(data)
                out.write(data)
                if self._sink.size >= ENOUGH_BYTES:
                    yield self._sink.take()
        self._sums.write(f"{hashed.hexdigest()}  {name}\n")
        self.files += 1
        yield self._sink.take()

    def _entry(self, name: str) -> ZipInfo:
        entry = ZipInfo(name, self._at)
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        return entry

    def sums(self) -> Iterator[bytes]:
        """A last file: the SHA-256 of every other, as `sha256sum --check` reads it."""
        yield from self.add(SUMS, self._sums.chunks())

    def end(self) -> Iterator[bytes]:
        """The directory, without which a zip is none."""
        self._zip.close()
        yield self._sink.take()

    def close(self) -> None:
        """Let go of what is kept on disk, whether the zip came to its end or not."""
        self._sums.close()
