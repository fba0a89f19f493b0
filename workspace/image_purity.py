"""Tells whether a file is nothing but a picture as our encoders write them: no metadata but our own mark, no tail.

Only such a file of somebody else's may be kept byte for byte; it must decode as well, which is checked elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from workspace.image_marks import AI_MARK

# Boxes of a still AVIF and the most that our encoder puts into each; the containers of others have no limit.
_SMALL_BOXES = {
    b"ftyp": 48,
    b"hdlr": 48,
    b"pitm": 16,
    b"iloc": 64,
    b"infe": 48,
    b"auxl": 16,
    b"ispe": 20,
    b"pixi": 16,
    b"av1C": 64,
    b"colr": 19,
    b"auxC": 64,
    b"ipma": 64,
    b"cdsc": 16,
}
_CONTAINERS = {b"meta": 4, b"iinf": 6, b"iref": 4, b"iprp": 0, b"ipco": 0}
_FRAME_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_CANVAS_CHUNKS = frozenset({b"VP8X", b"ANIM", b"ANMF"})
_MARK_CHUNK = b"XMP "
_OBU_KINDS = frozenset({1, 2, 3, 4, 6})
Box = tuple[bytes, int, int]


class _Foreign(Exception):
    """Something in the file is not ours."""


def is_bare(data: bytes) -> bool:
    """Whether `data` is an AVIF still or a WebP of which every byte belongs to the picture."""
    check: Callable[[bytes], None] = _webp if data.startswith(b"RIFF") else _avif
    try:
        check(data)
    except (_Foreign, struct.error, IndexError):
        return False
    return True


def _require(fact: bool) -> None:
    if not fact:
        raise _Foreign


def _webp(data: bytes) -> None:
    _require(data[8:12] == b"WEBP" and 8 + int.from_bytes(data[4:8], "little") == len(data))
    chunks = list(_chunks(data, 12, len(data)))
    _require({kind for kind, _, _ in chunks} <= _FRAME_CHUNKS | _CANVAS_CHUNKS | {_MARK_CHUNK})
    for kind, start, end in chunks:
        if kind == _MARK_CHUNK:
            _require(data[start:end] == AI_MARK)
        elif kind == b"ANMF":
            _require({inner for inner, _, _ in _chunks(data, start + 16, end)} <= _FRAME_CHUNKS)
        elif kind in _CANVAS_CHUNKS:
            _require(end - start <= 16)


def _chunks(data: bytes, at: int, end: int) -> Iterator[Box]:
    while at < end:
        kind, length = struct.unpack_from("<4sI", data, at)
        stop = at + 8 + length
        _require(stop <= end)
        yield kind, at + 8, stop
        at = stop + length % 2
    _require(at == end)


def _avif(data: bytes) -> None:
    top = list(_boxes(data, 0, len(data)))
    _require([kind for kind, _, _ in top] == [b"ftyp", b"meta", b"mdat"])
    leaves = list(_leaves(data, 0, top[1][2]))
    _require(all(end - start + 8 <= _SMALL_BOXES.get(kind, 0) for kind, start, end in leaves))
    items = [data[start + 8 : start + 12] for kind, start, _ in leaves if kind == b"infe"]
    _require(set(items) <= {b"av01", b"mime"} and items.count(b"mime") <= 1)
    [locations] = [data[start:end] for kind, start, end in leaves if kind == b"iloc"]
    at, stop = top[2][1:]
    # One stream behind the other, from the first byte of the media to the last.
    for start, length in sorted(_extents(locations)):
        _require(start == at and length > 0)
        _mark_or_stream(data[start : start + length])
        at += length
    _require(at == stop)


def _leaves(data: bytes, at: int, end: int) -> Iterator[Box]:
    for kind, start, stop in _boxes(data, at, end):
        if kind in _CONTAINERS:
            yield from _leaves(data, start + _CONTAINERS[kind], stop)
        else:
            yield kind, start, stop


def _boxes(data: bytes, at: int, end: int) -> Iterator[Box]:
    while at < end:
        length, kind = struct.unpack_from(">I4s", data, at)
        _require(8 <= length <= end - at)
        yield kind, at + 8, at + length
        at += length
    _require(at == end)


def _extents(locations: bytes) -> Iterator[tuple[int, int]]:
    """(offset, length) of each item, in the one layout that libavif writes: 16-bit numbers, 32-bit places, one part."""
    _require(locations[:6] == b"\0\0\0\0\x44\0")
    (count,) = struct.unpack_from(">H", locations, 6)
    _require(len(locations) == 8 + 14 * count)
    for index in range(count):
        _, _, parts, offset, length = struct.unpack_from(">HHHII", locations, 8 + 14 * index)
        _require(parts == 1)
        yield offset, length


def _mark_or_stream(item: bytes) -> None:
    if item != AI_MARK:
        _stream(item)


def _stream(stream: bytes) -> None:
    """The AV1 stream's units are those of a frame, and fill it: no metadata, no padding."""
    at = 0
    while at < len(stream):
        head = stream[at]
        _require(head >> 3 & 15 in _OBU_KINDS and head & 0x86 == 2)
        length, at = _leb128(stream, at + 1)
        at += length
    _require(at == len(stream))


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(5):
        value |= (stream[at + index] & 0x7F) << 7 * index
        if not stream[at + index] & 0x80:
            return value, at + index + 1
    raise _Foreign
