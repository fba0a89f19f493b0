"""Reads the sizes an AVIF claims, in its boxes and in the AV1 stream itself, before a decoder may allocate for them.

The boxes alone prove nothing: a file whose boxes say 100 x 100 is decoded at the size its AV1 sequence header says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from workspace.image_limits import MAX_PIXELS, BrokenImage, ImageTooLarge, check_size

MAX_BOXES = 4_096
MAX_OBUS = 4_000
MAX_PARTS = 512

_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0}
_DAMAGED = "The AVIF's boxes are damaged."


@dataclass(frozen=True, slots=True)
class Claims:
    """What an AVIF says of itself; `data` is the same file with EXIF hidden."""

    width: int
    height: int
    frames: int
    data: bytes


def read(data: bytes) -> Claims:
    """The largest size the boxes name, after checking the AV1 streams too; EXIF is hidden in the returned data.

    AVIF is turned by its own boxes, not by EXIF, and Pillow would parse EXIF of any size while opening.
    """
    boxes = list(_boxes(data))
    sizes = [size for box in boxes for size in _claimed_size(data, *box)]
    if not sizes:
        raise BrokenImage("The picture does not say how large it is.")
    counts = [struct.unpack_from(">I", data, start + 8)[0] for kind, start, _ in boxes if kind == b"stsz"]
    clean = bytearray(data)
    coded: set[int] = set()
    for number, kind, at in _items(data, boxes):
        if kind == b"Exif":
            clean[at : at + 4] = b"free"
        elif kind == b"av01":
            coded.add(number)
    _check_streams(data, boxes, coded)
    return Claims(max(w for w, _ in sizes), max(h for _, h in sizes), max([1, *counts]), bytes(clean))


def metadata(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, body) of the EXIF and XMP items."""
    boxes = list(_boxes(data))
    kinds = {number: kind for number, kind, _ in _items(data, boxes) if kind in (b"Exif", b"mime")}
    idat = next((start for kind, start, _ in boxes if kind == b"idat"), 0)
    for kind, start, _ in boxes:
        if kind == b"iloc":
            for number, parts in _locations(data, start, idat):
                if number in kinds:
                    yield kinds[number], b"".join(data[at : at + length] for at, length in parts)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, body start, end) of every box, going into those that hold boxes."""
    pending = [(0, len(data))]
    seen = 0
    while pending:
        at, end = pending.pop()
        while at + 8 <= end:
            seen += 1
            if seen > MAX_BOXES:
                raise BrokenImage("The AVIF has more boxes than a picture needs.")
            length, kind = struct.unpack_from(">I4s", data, at)
            start = at + 8
            if length == 1:
                (length,) = struct.unpack_from(">Q", data, start)
                start += 8
            stop = end if length == 0 else at + length
            if stop < start or stop > end:
                raise BrokenImage(_DAMAGED)
            yield kind, start, stop
            pending.extend(_inside(data, kind, start, stop))
            at = stop


def _inside(data: bytes, kind: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    if kind in _CONTAINERS:
        yield start + _CONTAINERS[kind], stop
    elif kind == b"stsd":
        yield start + 8, stop
    elif kind == b"iinf":
        yield start + (6 if data[start] == 0 else 8), stop


def _claimed_size(data: bytes, kind: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    if kind == b"ispe":
        yield struct.unpack_from(">II", data, start + 4)
    elif kind == b"tkhd":
        width, height = struct.unpack_from(">II", data, end - 8)
        yield width >> 16, height >> 16
    elif kind == b"av01":
        yield struct.unpack_from(">HH", data, start + 24)


def _items(data: bytes, boxes: list[tuple[bytes, int, int]]) -> Iterator[tuple[int, bytes, int]]:
    """Yield (item number, type, where the type stands)."""
    for kind, start, _ in boxes:
        if kind != b"infe":
            continue
        wide = data[start] >= 3
        (number,) = struct.unpack_from(">I" if wide else ">H", data, start + 4)
        at = start + (10 if wide else 8)
        yield number, data[at : at + 4], at


def _check_streams(data: bytes, boxes: list[tuple[bytes, int, int]], coded: set[int]) -> None:
    idat = next((start for kind, start, _ in boxes if kind == b"idat"), 0)
    total = 0
    for kind, start, _ in boxes:
        if kind == b"iloc":
            for number, parts in _locations(data, start, idat):
                if number in coded:
                    stream = b"".join(data[at : at + length if length else None] for at, length in parts)
                    total += _largest_frame(stream)
        elif kind in (b"stco", b"co64"):
            for at in _chunks(data, kind, start):
                _largest_frame(memoryview(data)[at:], until_damaged=True)
    # Colour and alpha of one picture, and a preview; a grid's tiles add up to the picture.
    if total > 3 * MAX_PIXELS:
        raise ImageTooLarge("The AVIF's parts have more pixels than one picture may.", max_pixels=MAX_PIXELS)


def _chunks(data: bytes, kind: bytes, start: int) -> Iterator[int]:
    (count,) = struct.unpack_from(">I", data, start + 4)
    if count > MAX_PARTS:
        raise BrokenImage("The AVIF is in more pieces than a picture needs.")
    width = 4 if kind == b"stco" else 8
    for index in range(count):
        yield _number(data, start + 8 + index * width, width)


def _number(data: bytes, at: int, width: int) -> int:
    if at + width > len(data):
        raise BrokenImage(_DAMAGED)
    return int.from_bytes(data[at : at + width], "big")


def _locations(data: bytes, at: int, idat: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield (item number, [(offset, length)]) from an item location box."""
    version = data[at]
    offset_width, length_width = data[at + 4] >> 4, data[at + 4] & 15
    base_width, index_width = data[at + 5] >> 4, data[at + 5] & 15
    id_width = 4 if version == 2 else 2
    count, at = _number(data, at + 6, id_width), at + 6 + id_width
    parts_seen = bytes_seen = 0
    for _ in range(count):
        number, at = _number(data, at, id_width), at + id_width
        method = 0
        if version in (1, 2):
            method, at = _number(data, at, 2) & 15, at + 2
        base, at = _number(data, at + 2, base_width), at + 2 + base_width
        parts, at = _number(data, at, 2), at + 2
        parts_seen += parts
        if parts_seen > MAX_PARTS or method > 1:
            raise BrokenImage("The AVIF is in more pieces than a picture needs.")
        base += idat if method == 1 else 0
        found = []
        for _ in range(parts):
            at += index_width if version in (1, 2) else 0
            offset, length = _number(data, at, offset_width), _number(data, at + offset_width, length_width)
            at += offset_width + length_width
            bytes_seen += length or len(data)
            found.append((base + offset, length))
        # Parts may overlap, and 512 times the whole file would be joined from them.
        if bytes_seen > 2 * len(data):
            raise BrokenImage("The AVIF's pieces are larger than the file.")
        yield number, found


def _largest_frame(stream: bytes | memoryview, *, until_damaged: bool = False) -> int:
    """Walk the AV1 stream's units, check the size of each sequence header, return the pixels of the largest."""
    largest, at, seen = 0, 0, 0
    while at < len(stream):
        seen += 1
        head = stream[at]
        kind, extended, sized = head >> 3 & 15, head >> 2 & 1, head >> 1 & 1
        at += 1 + extended
        if head & 0x81 and until_damaged:
            break
        if head & 0x80 or seen > MAX_OBUS:
            raise BrokenImage("The AVIF's stream is damaged.")
        length = len(stream) - at
        if sized:
            length, at = _leb128(stream, at)
        elif until_damaged and kind != 2:
            break
        if kind == 1:
            width, height = _sequence_size(stream[at : at + min(length, 256)])
            check_size(width, height)
            largest = max(largest, width * height)
        at += length
    if not largest:
        raise BrokenImage("The AVIF's stream does not say how large it is.")
    return largest


def _leb128(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        value |= (data[at + index] & 0x7F) << (7 * index)
        if not data[at + index] & 0x80:
            return value, at + index + 1
    raise BrokenImage("The AVIF's stream is damaged.")


class _Bits:
    def __init__(self, data: bytes | memoryview) -> None:
        self.value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise BrokenImage("The AVIF's stream is damaged.")
        return self.value >> self.left & ((1 << count) - 1)

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self.take(1):
            zeros += 1
        self.take(zeros if zeros < 32 else 0)


def _sequence_size(unit: bytes | memoryview) -> tuple[int, int]:
    """Width and height from a sequence header (AV1 specification, section 5.5.1)."""
    bits = _Bits(unit)
    bits.take(4)
    if bits.take(1):
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.skip_uvlc()
        if bits.take(1):
            delay_bits = bits.take(5) + 1
            bits.take(42)
    delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if delays and bits.take(1):
            bits.take(4)
