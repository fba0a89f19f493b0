"""Pictures made to harm: what asks for memory or time, what is cut off, what is another thing than it says."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><html><body onload=alert(1)><script>alert(1)</script></body></html>"
# A side of the largest square there may be, and of the largest of a format that takes twice as much to open.
LARGEST, LARGEST_HUNGRY = 4_096, 2_896


def written(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(3).randbytes(width * height * 3))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, data: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bomb_png(width: int, height: int) -> bytes:
    """All of it there, black and packed as small as it gets."""
    packer = zlib.compressobj(9)
    row = b"\0" * (width * 3 + 1)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, data=data)


def _cut_off(kind: str) -> bytes:
    data = written(noise(64, 64), kind)
    return data[: len(data) * 7 // 10]


def largest(kind: str, mode: str = "RGB", side: int = LARGEST, **options: Any) -> bytes:
    """As large as a picture may be, and empty but for a corner that is decoded last."""
    image = Image.new(mode, (side, side))
    image.paste(noise(512, 512).convert(mode), (0, side - 512))
    return written(image, kind, **options)


def damaged(data: bytes) -> bytes:
    """With nonsense before its end, so that all of it is opened before that is seen."""
    return data[:-3_000] + b"\xff" * 2_000 + data[-1_000:]


def gif(width: int, height: int, frames: int, *, end: bytes = b";") -> bytes:
    frame = b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0" * 6 + frame * frames + end


def tiff_directories(count: int) -> bytes:
    """A chain of directories, each a picture of 1 x 1 that shows the same byte."""
    size = 2 + 12 * 8 + 4
    out = [b"II*\0", struct.pack("<I", 8)]
    for number in range(count):
        tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
        tags += [(273, 4, 1, 4), (278, 3, 1, 1), (279, 4, 1, 1)]
        following = 0 if number == count - 1 else 8 + (number + 1) * size
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        out += [struct.pack("<H", len(tags)), entries, struct.pack("<I", following)]
    return b"".join(out)


def tiff_loop() -> bytes:
    data = bytearray(tiff_directories(2))
    data[-4:] = struct.pack("<I", 8)
    return bytes(data)


def tiff_overlapping() -> bytes:
    entries = b"".join(struct.pack("<HHII", 40_000 + tag, 7, 60_000, 0) for tag in range(200))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 200) + entries + b"\0" * 60_000


def avif_with(old: tuple[int, int], new: tuple[int, int]) -> bytes:
    data = written(Image.new("RGB", old, "teal"), "AVIF", speed=10, max_threads=1)
    return data.replace(struct.pack(">II", *old), struct.pack(">II", *new))


def avif_in_overlapping_pieces() -> bytes:
    """One item of 500 pieces, each of them the whole of a file of 8 MB."""
    data = bytearray(written(Image.new("RGB", (64, 64), "teal"), "AVIF", speed=10, max_threads=1))
    at = data.index(b"iloc") - 4
    (length,) = struct.unpack_from(">I", data, at)
    extents = struct.pack(">II", 0, 8_000_000) * 500
    body = b"\0\0\0\0\x44\0" + struct.pack(">HHHH", 1, 1, 0, 500) + extents
    box = struct.pack(">I", len(body) + 8) + b"iloc" + body
    grown = len(box) - length
    data[at : at + length] = box
    meta = data.index(b"meta") - 4
    struct.pack_into(">I", data, meta, struct.unpack_from(">I", data, meta)[0] + grown)
    return bytes(data) + struct.pack(">I4s", 8_000_000, b"free") + bytes(8_000_000 - 8)


def text_bomb() -> bytes:
    packed = zlib.compress(b"a" * 900_000, 9)
    return png(8, 8, *(chunk(b"zTXt", b"k%d\0\0" % number + packed) for number in range(8)))


def profile_bomb() -> bytes:
    return png(8, 8, chunk(b"iCCP", b"p\0\0" + zlib.compress(b"a" * 60_000_000, 9)))


def scan_bomb() -> bytes:
    """As large as a picture may be, and gone over 90 times."""
    data = written(Image.new("RGB", (LARGEST, LARGEST)), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    return data[:scan] + data[scan:-2] * 90 + b"\xff\xd9"


def segments(count: int) -> bytes:
    data = written(Image.new("RGB", (8, 8)), "JPEG")
    return data[:2] + b"\xff\xe1\x00\x02" * count + data[2:]


def zip_behind(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("evil.js", "alert(1)")
    return data + out.getvalue()


def _apng_frames(count: int) -> bytes:
    return png(1_000, 1_000, chunk(b"acTL", struct.pack(">II", count, 0)), data=zlib.compress(b"\0" * 3_001_000))


def _huge_strips() -> bytes:
    tags = [(256, 4, 1, LARGEST), (257, 4, 1, LARGEST), (258, 3, 1, 32), (259, 3, 1, 8), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, LARGEST), (279, 4, 1, 0xFFFFFF00), (339, 3, 1, 3)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


BOMBS: dict[str, Callable[[], bytes]] = {
    "png that claims 60,000 x 60,000": lambda: png(60_000, 60_000, data=zlib.compress(b"\0" * 100)),
    "png of 5,000 x 5,000, all of it black": lambda: bomb_png(5_000, 5_000),
    "png of one line": lambda: png(2_147_483_647, 1, data=zlib.compress(b"\0" * 100)),
    "png of 100,000 frames": lambda: _apng_frames(100_000),
    "png of 190 large frames": lambda: _apng_frames(190),
    "png of a million chunks": lambda: png(8, 8, chunk(b"teXt", b"") * 1_000_000),
    "png whose texts unpack to megabytes": text_bomb,
    "png whose profile unpacks to 60 MB": profile_bomb,
    "gif of 100,000 frames": lambda: gif(10, 10, 100_000),
    "gif of 150 frames of 60,000 x 60,000": lambda: gif(60_000, 60_000, 150),
    "gif of five million empty blocks": lambda: gif(1, 1, 1, end=b"\x21\xfe\x00" * 5_000_000),
    "gif of one frame in a million pieces": lambda: gif(1, 1, 0, end=b"\x21\xfe" + b"\1a" * 1_000_000 + b"\0;"),
    "webp of 28 bytes": lambda: b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + b"\x02\0\0\0" + b"\xff\x3f\0" * 2,
    "webp lossless of 16,384 x 16,384": lambda: b"RIFF\x11\0\0\0WEBPVP8L\x05\0\0\0\x2f" + b"\xff" * 4,
    "avif that claims 30,000 x 30,000": lambda: avif_with((64, 64), (30_000, 30_000)),
    "avif larger than its boxes say": lambda: avif_with((5_000, 5_000), (100, 100)),
    "avif of one item in overlapping pieces": avif_in_overlapping_pieces,
    "tiff that claims 60,000 x 60,000": lambda: (
        b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIIHHII", 256, 4, 1, 60_000, 257, 4, 1, 60_000)
    ),
    "tiff of 100,000 directories": lambda: tiff_directories(100_000),
    "tiff of two pages": lambda: tiff_directories(2),
    "tiff whose directories form a ring": tiff_loop,
    "tiff whose tags overlap": tiff_overlapping,
    "tiff with one strip of 4 GB": _huge_strips,
    "jpeg that claims 60,000 x 60,000": lambda: (
        b"\xff\xd8\xff\xc0\0\x0b\x08" + struct.pack(">HH", 60_000, 60_000) + b"\x01\x01\x11\0\xff\xda\0\x02"
    ),
    "largest jpeg in 100 scans": scan_bomb,
    "jpeg of three million segments": lambda: segments(3_000_000),
}
CUT: dict[str, Callable[[], bytes]] = {
    **{f"{kind} cut off": partial(_cut_off, kind) for kind in ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF")},
    "largest png cut off": lambda: largest("PNG", "RGBA")[:-2_000],
    "largest png damaged": lambda: damaged(largest("PNG", "RGBA")),
    "largest jpeg cut off": lambda: largest("JPEG")[:-2_000],
    "largest progressive jpeg cut off": lambda: largest(
        "JPEG", side=LARGEST_HUNGRY, progressive=True, subsampling="4:4:4"
    )[:-2_000],
    "larger progressive jpeg": lambda: largest("JPEG", side=LARGEST_HUNGRY + 1, progressive=True)[:-2_000],
    "largest webp cut off": lambda: largest("WEBP", side=LARGEST_HUNGRY, lossless=True, method=0)[:-2_000],
    "largest webp damaged": lambda: damaged(largest("WEBP", side=LARGEST_HUNGRY, lossless=True, method=0)),
    "larger webp": lambda: damaged(largest("WEBP", side=LARGEST_HUNGRY + 1, lossless=True, method=0)),
    "largest avif cut off": lambda: largest("AVIF", speed=10, subsampling="4:4:4")[:-2_000],
    "largest gif cut off": lambda: largest("GIF", "P")[:-2_000],
    "largest tiff cut off": lambda: largest("TIFF", "CMYK", compression="tiff_lzw")[:-2_000],
    "largest tiff damaged": lambda: damaged(largest("TIFF", "CMYK", compression="tiff_adobe_deflate")),
    "first eight bytes": lambda: written(noise(8, 8), "PNG")[:8],
    "one letter": lambda: b"x",
    "nothing": lambda: b"",
}
OTHERS: dict[str, Callable[[], bytes]] = {
    "svg": lambda: SVG,
    "svg behind a declaration": lambda: b'<?xml version="1.0"?>\n' + SVG,
    "html": lambda: HTML,
    "html that begins as a gif": lambda: b"GIF89a/*" + HTML + b"*/=1;alert(1)",
    "html that begins as a png": lambda: b"\x89PNG\r\n\x1a\n" + HTML,
    "html that begins as a jpeg": lambda: b"\xff\xd8\xff\xe0" + HTML,
    "html that begins as a webp": lambda: b"RIFF\x40\0\0\0WEBP" + HTML,
    "html that begins as an avif": lambda: b"\0\0\0\x20ftypavif" + HTML,
    "script that begins as a tiff": lambda: b"II*\0alert(1)//" + HTML,
    "pdf": lambda: b"%PDF-1.7\n%%EOF",
    "zip": lambda: zip_behind(b""),
    "bmp": lambda: written(noise(8, 8), "BMP"),
    "ico": lambda: written(noise(16, 16), "ICO"),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "heic": lambda: b"\0\0\0\x18ftypheic" + b"\0" * 40,
    "multi-picture jpeg": lambda: written(noise(20, 20), "MPO", save_all=True, append_images=[noise(20, 20)]),
}
HOSTILE = {**BOMBS, **CUT, **OTHERS}
