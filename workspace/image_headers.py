"""Reads what a stranger's picture claims about itself from its raw bytes, before a decoder may allocate memory.

Every parser here is bounded by the length of the data and never trusts a count it has not checked.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workspace import document_tiff, image_avif
from workspace.document_limits import DocumentTooLarge, InvalidDocument
from workspace.image_limits import (
    MAX_FRAMES,
    MAX_HUNGRY_PIXELS,
    MAX_PIXELS,
    BrokenImage,
    UnsupportedMedia,
    check_size,
)

MAX_TIFF_TAGS = 256
MAX_TIFF_TAG_BYTES = 4 * 1024 * 1024
MAX_JPEG_SCANS = 40
# Chunks, segments or blocks of one file. Walking millions of empty ones takes seconds, here and in the decoders.
MAX_PARTS = 20_000
MAX_GIF_BLOCKS = 200_000
ACCEPTED_TYPES = ("image/png", "image/jpeg", "image/webp", "image/avif", "image/gif", "image/tiff")

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_MARKERS = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_TIFF_SIZE_TAGS = frozenset({256, 257, 322, 323})
_TIFF_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's checked claims; `data` is what may be handed to the decoder (metadata that could harm it removed).

    `most` is how many pixels such a file may have."""

    format: str
    width: int
    height: int
    frames: int
    orientation: int
    data: bytes
    most: int = MAX_PIXELS


class _Counter:
    """Counts the parts of a file, and refuses it at one more than a picture needs."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def add(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise BrokenImage("The picture is in more pieces than a picture needs.")


def inspect(data: bytes, *, ours: bool = False) -> Header:
    """Name the format, check size and frame count against the limits, which are wider for what we wrote.

    Raises UnsupportedMedia (415), BrokenImage (400) or ImageTooLarge (413).
    """
    if not data:
        raise BrokenImage("The picture is empty.")
    parser = _parser_for(data)
    try:
        header = parser(data)
    except (struct.error, IndexError) as error:
        raise BrokenImage("The picture ends before its header does.") from error
    check_size(header.width, header.height, header.frames, most=MAX_PIXELS if ours else header.most)
    return header


def _parser_for(data: bytes) -> Callable[[bytes], Header]:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _gif
    if data.startswith((b"II*\0", b"MM\0*")):
        return _tiff
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1", b"msf1"):
        return _avif
    raise UnsupportedMedia("Send a PNG, JPEG, WebP, AVIF, GIF or TIFF picture.", accepted=list(ACCEPTED_TYPES))


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise BrokenImage("The PNG does not begin with its header.")
    width, height = struct.unpack_from(">II", data, 16)
    frames, orientation = 1, 1
    for kind, start, end in png_chunks(data):
        if kind == b"acTL":
            frames = max(frames, struct.unpack_from(">I", data, start)[0])
        elif kind == b"eXIf":
            orientation = exif_orientation(data[start:end])
    return Header("PNG", width, height, frames, orientation, data)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, end) of every chunk's body up to the end of the picture."""
    at, kind, parts = 8, b"", _Counter(MAX_PARTS)
    while at + 8 <= len(data) and kind != b"IEND":
        parts.add()
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, at + 8 + length
        at += 12 + length


def _jpeg(data: bytes) -> Header:
    """Drop comments and all application segments but JFIF, Adobe and the colour profile.

    Pillow parses EXIF while opening, and overlapping EXIF entries of 64 kB can grow to hundreds of megabytes there.
    """
    kept, size, orientation, at, most = [data[:2]], (0, 0), 1, 2, MAX_PIXELS
    for marker, start, end in jpeg_segments(data):
        body = data[start + 4 : end]
        if marker in _FRAME_MARKERS:
            size = struct.unpack_from(">HH", body, 1)
            most = MAX_HUNGRY_PIXELS if marker in _PROGRESSIVE_MARKERS else MAX_PIXELS
        if marker == 0xE2 and body.startswith(b"MPF\0"):
            raise UnsupportedMedia("A multi-picture JPEG (MPO) is not accepted; send a single picture.")
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = exif_orientation(body)
        if _is_needed(marker, body):
            kept.append(data[start:end])
        at = end
    if data.count(b"\xff\xda", at) > MAX_JPEG_SCANS:
        raise BrokenImage("The JPEG has more scans than a picture needs.")
    kept.append(data[at:])
    return Header("JPEG", size[1], size[0], 1, orientation, b"".join(kept), most)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of every segment before the first scan."""
    at, parts = 2, _Counter(MAX_PARTS)
    while True:
        parts.add()
        if data[at] != 0xFF:
            raise BrokenImage("The JPEG's segments are damaged.")
        marker = data[at + 1]
        if marker in (0xDA, 0xD9):
            return
        if marker == 0xFF:
            at += 1
        elif 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 2
        else:
            end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
            yield marker, at, end
            at = end


def _is_needed(marker: int, body: bytes) -> bool:
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    return marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _webp(data: bytes) -> Header:
    """Read canvas and frames from the chunks: opening alone makes libwebp allocate two canvases."""
    sizes: list[tuple[int, int]] = []
    frames, orientation = 0, 1
    for kind, start, end in webp_chunks(data):
        body = data[start : start + 30]
        if kind == b"VP8X":
            sizes.append((1 + _uint24(body, 4), 1 + _uint24(body, 7)))
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            sizes.append((width & 0x3FFF, height & 0x3FFF))
        elif kind == b"VP8L":
            bits = struct.unpack_from("<I", body, 1)[0]
            sizes.append((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)))
        elif kind == b"ANMF":
            frames += 1
            sizes.append((1 + _uint24(body, 6), 1 + _uint24(body, 9)))
        elif kind == b"EXIF":
            orientation = exif_orientation(data[start:end])
    width, height = _largest(sizes)
    return Header("WEBP", width, height, max(1, frames), orientation, data, MAX_HUNGRY_PIXELS)


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, end) of every chunk's body."""
    at, parts = 12, _Counter(MAX_PARTS)
    while at + 8 <= len(data):
        parts.add()
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _largest(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    if not sizes:
        raise BrokenImage("The picture does not say how large it is.")
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette_bytes(flags)
    frames, blocks = 0, _Counter(MAX_GIF_BLOCKS)
    while at < len(data) and data[at] in (0x21, 0x2C) and frames <= MAX_FRAMES:
        blocks.add()
        if data[at] == 0x21:
            at = _after_blocks(data, at + 2, blocks)
            continue
        left, top, frame_width, frame_height, flags = struct.unpack_from("<4HB", data, at + 1)
        # Pillow grows the picture when a frame reaches past the screen.
        width, height = max(width, left + frame_width), max(height, top + frame_height)
        frames += 1
        at = _after_blocks(data, at + 11 + _palette_bytes(flags), blocks)
    return Header("GIF", width, height, max(1, frames), 1, data)


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int, blocks: _Counter) -> int:
    while at < len(data) and data[at]:
        blocks.add()
        at += data[at] + 1
    return at + 1


def _tiff(data: bytes) -> Header:
    """Check the one directory there may be; tags may overlap, so their sum is bounded, not just each."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    values: dict[int, int] = {}
    total = 0
    for tag, kind, count, where in tiff_entries(data, order, at, MAX_TIFF_TAGS):
        # Pillow takes the last of two equal tags, libtiff the first: a file that says two sizes is refused.
        if tag in values or (tag in _TIFF_SIZE_TAGS and (kind not in (3, 4) or count != 1)):
            raise BrokenImage("The TIFF's directory is damaged.")
        total += _TIFF_UNITS.get(kind, 1) * count
        values[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, where)[0]
    if total > MAX_TIFF_TAG_BYTES:
        raise BrokenImage("The TIFF's directory is larger than a picture needs.")
    width, height = values.get(256, 0), values.get(257, 0)
    check_size(width, height)
    check_size(values.get(322, 1), values.get(323, 1))
    _refuse_more_pages(data)
    return Header("TIFF", width, height, 1, 1, data)


def _refuse_more_pages(data: bytes) -> None:
    """To keep the first page and lose the others would be to lose somebody's work; a smaller copy is no page."""
    try:
        pages = document_tiff.count(data)
    except (InvalidDocument, DocumentTooLarge) as error:
        raise BrokenImage("The TIFF's directories are damaged.") from error
    if pages > 1:
        raise BrokenImage(f"The TIFF has {pages:,} pages; save each as a picture of its own.", pages=pages)


def tiff_entries(data: bytes, order: str, at: int, limit: int) -> Iterator[tuple[int, int, int, int]]:
    (entries,) = struct.unpack_from(order + "H", data, at)
    if entries > limit:
        raise BrokenImage("The picture's directory has more entries than a picture needs.")
    for index in range(entries):
        where = at + 2 + 12 * index
        yield *struct.unpack_from(order + "HHI", data, where), where + 8


def exif_orientation(exif: bytes) -> int:
    """The orientation (1-8) of an EXIF block, 1 when it says none or cannot be read: a hint is no reason to refuse."""
    exif = exif.removeprefix(b"Exif\0\0")
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    order = "<" if exif[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        for tag, kind, _, where in tiff_entries(exif, order, at, MAX_TIFF_TAGS):
            if (tag, kind) == (0x0112, 3):
                (value,) = struct.unpack_from(order + "H", exif, where)
                return value if 1 <= value <= 8 else 1
    except (struct.error, BrokenImage):
        return 1
    return 1


def _avif(data: bytes) -> Header:
    claims = image_avif.read(data)
    return Header("AVIF", claims.width, claims.height, claims.frames, 1, claims.data)
