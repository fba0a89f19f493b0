"""Owns what happens to a picture between a client's bytes and the stored ones: checked, always re-encoded.

Everything a stranger sends is decoded and written anew, so metadata, hidden tails and scripts do not survive.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from workspace import image_encoding
from workspace.image_encoding import JSON
from workspace.image_limits import BrokenImage, ImageTooLarge, UnsupportedMedia
from workspace.image_opening import Picture, open_picture

__all__ = [
    "BrokenImage",
    "EncodedImage",
    "ImageTooLarge",
    "UnsupportedMedia",
    "convert",
    "data_url",
    "decode_base64_image",
    "encode",
]

Target = Literal["png", "jpeg", "webp", "avif"]

_DATA_URL = re.compile(r"data:[^,;\s]{0,100}(?:;[^,;\s]{1,100}){0,4};base64,", re.IGNORECASE)
_LONGEST_PREFIX = 600


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A picture ready to store. `encoder` says how it was made; thumbnail bytes are WebP and do not count."""

    data: bytes
    content_type: str
    width: int
    height: int
    original_bytes: int
    encoder: dict[str, JSON]
    thumbnail: bytes
    thumbnail_type: str


class Gate:
    """Lets one picture per core be worked on at a time, and says how fast to be when more are waiting."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._slots = threading.BoundedSemaphore(cores)
        self._lock = threading.Lock()
        self.present = 0

    @contextmanager
    def enter(self) -> Iterator[int]:
        with self._lock:
            self.present += 1
        try:
            with self._slots:
                yield self._speed()
        finally:
            with self._lock:
                self.present -= 1

    def _speed(self) -> int:
        # Under load the encoder hurries (2.8 and 8 times), at the same quality setting.
        if self.present <= self._cores:
            return 6
        return 8 if self.present <= 2 * self._cores else 9


_gate = Gate(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def decode_base64_image(content: str, max_bytes: int) -> bytes:
    """The bytes of plain base64 or of a base64 data URL, whose declared type is not trusted.

    Raises ImageTooLarge (413) past max_bytes, before anything is decoded, and BrokenImage (400) for anything that is
    not strict base64. The content is never repeated in the message.
    """
    start = 0
    if content[:5].lower() == "data:":
        prefix = _DATA_URL.match(content[:_LONGEST_PREFIX])
        if prefix is None:
            raise BrokenImage('A data URL must look like "data:image/png;base64,...".')
        start = prefix.end()
    if len(content) - start > 4 * ((max_bytes + 2) // 3):
        raise ImageTooLarge(f"The picture is larger than {max_bytes:,} bytes.", max_bytes=max_bytes)
    try:
        data = binascii.a2b_base64(content[start:], strict_mode=True)
    except ValueError as error:
        raise BrokenImage("The picture is not valid base64 (standard alphabet, padded, no line breaks).") from error
    if not data:
        raise BrokenImage("The picture is empty.")
    if len(data) > max_bytes:
        raise ImageTooLarge(f"The picture is larger than {max_bytes:,} bytes.", max_bytes=max_bytes)
    return data


def encode(
    data: bytes, *, lossless: bool = False, max_bytes: int | None = None, speed: int | None = None
) -> EncodedImage:
    """Decode a stranger's picture and write it anew, in the smallest of the formats the policy names.

    Stills become AVIF or lossless WebP, animations WebP; the first page of a TIFF is kept. `lossless` keeps every
    8-bit pixel. With `max_bytes` quality and then size are lowered until it fits, unless `lossless`: what happened is
    in encoder["fit"], and the smallest result is returned when nothing fits, so the caller compares and refuses.
    `speed` fixes the AVIF encoder's speed instead of following the load. Takes up to seconds: call it outside
    transactions. Raises UnsupportedMedia (415), BrokenImage (400) or ImageTooLarge (413).
    """
    with _gate.enter() as unhurried:
        picture = open_picture(data)
        chosen, how = _choose(picture, lossless, max_bytes, unhurried if speed is None else speed)
        preview = image_encoding.thumbnail(picture)
    return EncodedImage(
        data=chosen.data,
        content_type=chosen.content_type,
        width=chosen.size[0],
        height=chosen.size[1],
        original_bytes=len(data),
        encoder=chosen.settings | image_encoding.versions() | how,
        thumbnail=preview,
        thumbnail_type="image/webp",
    )


def _choose(
    picture: Picture, lossless: bool, max_bytes: int | None, speed: int
) -> tuple[image_encoding.Candidate, dict[str, JSON]]:
    if lossless:
        first = image_encoding.write_lossless(picture)
        if max_bytes is None:
            return first, {}
        return first, {"fit": {"max_bytes": max_bytes, "fits": len(first.data) <= max_bytes, "applied": False}}
    first = image_encoding.write_smallest(picture, speed)
    if max_bytes is None:
        return first, {}
    chosen, record = image_encoding.fit(picture, first, max_bytes, speed)
    return chosen, {"fit": record}


def convert(data: bytes, content_type: str, target: Target) -> tuple[bytes, str]:
    """A stored picture in another format, for downloading: (bytes, content type).

    Bytes already of the target's type are returned as they are: they are our own encoder's. PNG is exact; JPEG puts
    transparency on white and keeps the first frame alone; the others keep an animation.
    """
    wanted = f"image/{target}"
    if content_type == wanted:
        return data, wanted
    with _gate.enter():
        return _written(open_picture(data), target), wanted


def _written(picture: Picture, target: Target) -> bytes:
    every: dict[Target, dict[str, object]] = {
        "png": {},
        "jpeg": {"quality": 92, "progressive": True, "optimize": True},
        "webp": {"quality": 90, "method": 4},
        "avif": {"quality": 80, "speed": 8, "max_threads": 1},
    }
    options = every[target]
    if target == "jpeg":
        return image_encoding.saved(_on_white(picture.frames[0]), "JPEG", **options)
    if not picture.animated:
        return image_encoding.saved(picture.frames[0], target.upper(), **options)
    return image_encoding.saved_animation(picture, target.upper(), **options)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def data_url(data: bytes, content_type: str) -> str:
    """The bytes as a base64 data URL."""
    return f"data:{content_type};base64,{base64.b64encode(data).decode('ascii')}"
