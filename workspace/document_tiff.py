"""Counts the pages of a TIFF by following its chain of directories; no pixel is decoded."""

from __future__ import annotations

import struct

from workspace.document_limits import Deadline, InvalidDocument, OutOfTime, check_pages, too_complicated

MAX_ENTRIES = 256
_WIDTH, _HEIGHT, _SUBFILE = 256, 257, 254
# A reduced copy of another picture in the file (bit 0) or a transparency mask (bit 2) is no page: TIFF 6.0, page 36.
_NOT_A_PAGE = 0b101


def count(data: bytes) -> int:
    """Pages of a TIFF.

    Raises InvalidDocument (400) for a chain that loops or leaves the file, DocumentTooLarge (413)."""
    try:
        return _counted(data, Deadline())
    except OutOfTime:
        raise too_complicated() from None
    except struct.error as error:
        raise InvalidDocument("The TIFF ends before its directories do.") from error


def _counted(data: bytes, deadline: Deadline) -> int:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    seen, pages = set[int](), 0
    while at:
        if at in seen:
            raise InvalidDocument("The TIFF's directories form a loop.")
        seen.add(at)
        tags, at = _directory(data, order, at)
        pages += not tags.get(_SUBFILE, 0) & _NOT_A_PAGE
        check_pages(pages)
        # A chain of what are no pages, or of directories that overlap, is bounded by time alone.
        deadline.check()
    if not pages:
        raise InvalidDocument("The TIFF has no pages.")
    return pages


def _directory(data: bytes, order: str, at: int) -> tuple[dict[int, int], int]:
    """The three numbers that matter of the directory at `at`, and where the next one begins (0: nowhere)."""
    (entries,) = struct.unpack_from(order + "H", data, at)
    if not 0 < entries <= MAX_ENTRIES:
        raise InvalidDocument("A directory of the TIFF is damaged.")
    tags: dict[int, int] = {}
    for where in range(at + 2, at + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(order + "HH", data, where)
        if tag in (_WIDTH, _HEIGHT, _SUBFILE):
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, where + 8)
    if not (tags.get(_WIDTH) and tags.get(_HEIGHT)):
        raise InvalidDocument("A page of the TIFF does not say how large it is.")
    (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * entries)
    return tags, following
