"""Finds the texts that programs leave in a picture file: PNG text chunks, EXIF, XMP and comments.

Nothing here decides whether a picture is taken: what cannot be read is not there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from xml.parsers import expat

from workspace import image_avif
from workspace.image_headers import MAX_TIFF_TAGS, jpeg_segments, png_chunks, tiff_entries, webp_chunks
from workspace.image_limits import BrokenImage

MAX_TEXT_BYTES = 512 * 1024
MAX_TEXTS = 64
MAX_XMP_DEPTH = 32

_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_NAMES = {0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x9286: "UserComment"}
_EXIF_DIRECTORY, _XMP_TAG = 0x8769, 0x02BC
_XMP_NAMES = frozenset({"description", "UserComment", "parameters", "prompt"})
_UNREADABLE = (struct.error, zlib.error, expat.ExpatError, LookupError, ValueError, BrokenImage)


def texts_of(data: bytes, kind: str) -> dict[str, str]:
    """The texts of a file of this kind by the names its format gives them; of two with one name the first."""
    found: dict[str, str] = {}
    try:
        for name, text in _READERS.get(kind, _none)(data):
            found.setdefault(name, text)
            if len(found) == MAX_TEXTS:
                break
    except _UNREADABLE:
        return found
    return found


def _none(data: bytes) -> Iterator[tuple[str, str]]:
    yield from ()


def _png(data: bytes) -> Iterator[tuple[str, str]]:
    for kind, start, end in png_chunks(data):
        body = data[start : min(end, start + MAX_TEXT_BYTES)]
        if kind == b"eXIf":
            yield from _exif(body)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield from _png_text(kind, body)


def _png_text(kind: bytes, body: bytes) -> Iterator[tuple[str, str]]:
    name, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        yield name.decode("latin-1"), _tolerant(rest)
        return
    packed = kind == b"zTXt" or rest[:1] == b"\1"
    value = rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1]
    plain = _inflated(value) if packed else value
    if name == b"XML:com.adobe.xmp":
        yield from _xmp(plain)
    else:
        yield name.decode("latin-1"), _tolerant(plain)


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, MAX_TEXT_BYTES)


def _tolerant(data: bytes) -> str:
    """Latin-1 is what tEXt ought to be, UTF-8 what generators write."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _jpeg(data: bytes) -> Iterator[tuple[str, str]]:
    for marker, start, end in jpeg_segments(data):
        body = data[start + 4 : end]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            yield from _exif(body)
        elif marker == 0xE1 and body.startswith(_XMP_MARK):
            yield from _xmp(body[len(_XMP_MARK) :])
        elif marker == 0xFE:
            yield "Comment", _tolerant(body)


def _webp(data: bytes) -> Iterator[tuple[str, str]]:
    for kind, start, end in webp_chunks(data):
        body = data[start : min(end, start + MAX_TEXT_BYTES)]
        if kind == b"EXIF":
            yield from _exif(body)
        elif kind == b"XMP ":
            yield from _xmp(body)


def _avif(data: bytes) -> Iterator[tuple[str, str]]:
    for kind, body in image_avif.metadata(data):
        # Before the TIFF header of an Exif item stands how far away that header is.
        yield from _exif(body[4 + int.from_bytes(body[:4], "big") :]) if kind == b"Exif" else _xmp(body)


def _exif(block: bytes) -> Iterator[tuple[str, str]]:
    """The texts of an EXIF block, or of a whole TIFF, which is one."""
    block = block.removeprefix(b"Exif\0\0")
    order = "<" if block[:2] == b"II" else ">"
    directories = [struct.unpack_from(order + "I", block, 4)[0]]
    for at in directories:
        for tag, kind, count, where in tiff_entries(block, order, at, MAX_TIFF_TAGS):
            (pointer,) = struct.unpack_from(order + "I", block, where)
            value = block[where : where + count] if count <= 4 else block[pointer : pointer + count][:MAX_TEXT_BYTES]
            if tag == _EXIF_DIRECTORY and len(directories) == 1:
                directories.append(pointer)
            elif tag == _XMP_TAG:
                yield from _xmp(value)
            elif tag in _EXIF_NAMES and kind in (1, 2, 7):
                yield _EXIF_NAMES[tag], _comment(value) if tag == 0x9286 else _tolerant(value.rstrip(b"\0"))


def _comment(value: bytes) -> str:
    """A UserComment says its encoding in its first eight bytes, but not which end comes first."""
    code, text = value[:8], value[8:]
    if code != b"UNICODE\0":
        return _tolerant(text.strip(b"\0"))
    big_end_first = text[0::2].count(0) >= text[1::2].count(0)
    return text.decode("utf-16-be" if big_end_first else "utf-16-le", "replace").strip("\0\ufeff")


def _xmp(packet: bytes) -> Iterator[tuple[str, str]]:
    reader = _XmpReader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler, parser.EndElementHandler = reader.enter, reader.leave
    parser.CharacterDataHandler = reader.characters
    parser.Parse(packet[:MAX_TEXT_BYTES].strip(b"\0 \t\r\n"), True)
    yield from reader.found.items()


class _XmpReader:
    """Collects the text of the wanted properties, as attributes or as elements however deep the text stands in them."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []

    def refuse(self, *_: object) -> None:
        # The door of entity bombs; no program writes one.
        raise ValueError("a document type in XMP")

    def enter(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(_local(name))
        if len(self._path) > MAX_XMP_DEPTH:
            raise ValueError("XMP is nested too deep")
        for key, value in attributes.items():
            if _local(key) in _XMP_NAMES:
                self.found.setdefault(_local(key), value)

    def leave(self, _: str) -> None:
        self._path.pop()

    def characters(self, text: str) -> None:
        wanted = next((name for name in self._path if name in _XMP_NAMES), None)
        if wanted is not None and text.strip():
            self.found[wanted] = self.found.get(wanted, "") + text


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


_READERS = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "AVIF": _avif, "TIFF": _exif}
