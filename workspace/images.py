"""Owns what happens to a picture between a client's bytes and the stored ones: checked, always re-encoded.

Everything a stranger sends is decoded and written anew, so metadata, hidden tails and scripts do not survive.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from accounts.errors import DomainError
from workspace import image_encoding, image_fitting, image_marks
from workspace.image_encoding import JSON, Candidate, versions
from workspace.image_gate import PicturesBusy, gate
from workspace.image_limits import BrokenImage, ImageTooLarge, UnsupportedMedia
from workspace.image_opening import Picture, open_picture
from workspace.image_purity import is_bare
from workspace.image_recipes import recipe_of

__all__ = [
    "BrokenImage",
    "EncodedImage",
    "ImageTooLarge",
    "NothingToGain",
    "PicturesBusy",
    "UnsupportedMedia",
    "compress_more",
    "convert",
    "data_url",
    "decode_base64_image",
    "encode",
    "keep",
    "portable",
    "versions",
]

Target = Literal["png", "jpeg", "webp", "avif"]

_DATA_URL = re.compile(r"data:[^,;\s]{0,100}(?:;[^,;\s]{1,100}){0,4};base64,", re.IGNORECASE)
_LONGEST_PREFIX = 600


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A picture ready to store. `encoder` says how it was made, `recipe` what the file said of its making.

    Thumbnail bytes are WebP and do not count."""

    data: bytes
    content_type: str
    width: int
    height: int
    original_bytes: int
    encoder: dict[str, JSON]
    thumbnail: bytes
    thumbnail_type: str
    recipe: dict[str, JSON]


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
    data: bytes,
    *,
    lossless: bool = False,
    max_bytes: int | None = None,
    max_edge: int | None = None,
    generated: bool = False,
    owner: object = None,
    speed: int | None = None,
) -> EncodedImage:
    """Decode a stranger's picture and write it anew, in the smallest of the formats the policy names.

    Stills become AVIF or lossless WebP, animations WebP. `lossless` keeps every 8-bit pixel. A long edge above
    `max_edge` pixels is reduced to it, and with `max_bytes` quality and then size are lowered until it fits, unless
    `lossless`: what happened is in encoder["resized"] and encoder["fit"], and the smallest result is returned when
    nothing fits, so the caller compares and refuses. The file gets the mark "made by AI" when it was `generated`, or
    says so itself. Of one `owner` two pictures are worked on at a time. `speed` fixes the AVIF encoder's speed instead
    of following the load. Takes up to seconds: call it outside transactions. Raises UnsupportedMedia
    (415), BrokenImage (400), ImageTooLarge (413) or PicturesBusy (503)."""
    with gate.enter(owner) as offered:
        picture = open_picture(data)
        recipe = recipe_of(data, picture.kind)
        marked = generated or bool(recipe) or image_marks.is_marked(data)
        picture, resized = _within(replace(picture, marked=marked), max_edge)
        preview = image_encoding.thumbnail(picture)
        chosen, fitted = _choose(picture, lossless, max_bytes, offered if speed is None else speed)
    how: dict[str, JSON] = {"marked": True} if marked else {}
    return _encoded(chosen, preview, len(data), how | resized | fitted, recipe)


def _encoded(
    chosen: Candidate, preview: bytes, sent: int, how: dict[str, JSON], recipe: dict[str, JSON]
) -> EncodedImage:
    return EncodedImage(
        data=chosen.data,
        content_type=chosen.content_type,
        width=chosen.size[0],
        height=chosen.size[1],
        original_bytes=sent,
        encoder=chosen.settings | versions() | how,
        thumbnail=preview,
        thumbnail_type="image/webp",
        recipe=recipe,
    )


def keep(data: bytes) -> EncodedImage | None:
    """A picture that was encoded like ours already, byte for byte; None when it holds anything but a picture.

    It is decoded all the same. `encoder` says no more than the file: our mark. Raises what `encode` raises."""
    if not is_bare(data):
        return None
    with gate.enter():
        picture = _stored(data)
        preview = image_encoding.thumbnail(picture)
    kind = "image/webp" if data.startswith(b"RIFF") else "image/avif"
    encoder: dict[str, JSON] = {"marked": True} if picture.marked else {}
    return EncodedImage(data, kind, *picture.size, len(data), encoder, preview, "image/webp", {})


def _within(picture: Picture, max_edge: int | None) -> tuple[Picture, dict[str, JSON]]:
    if max_edge is None or max(picture.size) <= max_edge:
        return picture, {}
    smaller = image_encoding.shrink(picture, max_edge)
    return smaller, {"resized": {"max_edge": max_edge, "from": [*picture.size], "to": [*smaller.size]}}


def _choose(picture: Picture, lossless: bool, max_bytes: int | None, speed: int) -> tuple[Candidate, dict[str, JSON]]:
    if lossless:
        first = image_encoding.write_lossless(picture)
        if max_bytes is None:
            return first, {}
        return first, {"fit": {"max_bytes": max_bytes, "fits": len(first.data) <= max_bytes, "applied": False}}
    first = image_encoding.write_smallest(picture, speed)
    if max_bytes is None:
        return first, {}
    chosen, record = image_fitting.fit(picture, first, max_bytes, speed)
    return chosen, {"fit": record}


class NothingToGain(DomainError):
    """Compressing more would cost quality and save next to nothing."""

    code = "nothing_to_gain"
    status = 409
    title = "Nothing to gain"


def compress_more(data: bytes, encoder: Mapping[str, JSON], *, owner: object = None) -> EncodedImage:
    """A stored picture written once more, at the lower quality that `image_encoding.next_quality` names.

    This costs quality for good, and is for once only: the caller checks that, here only encoder["compressed"] notes
    it. Slow: call it outside transactions. Raises NothingToGain (409) and PicturesBusy (503)."""
    quality = image_encoding.next_quality(encoder)
    with gate.enter(owner) as speed:
        picture = _stored(data)
        chosen = image_encoding.write_at(picture, quality, speed) if quality else None
        if chosen is None or len(chosen.data) > len(data) * image_encoding.WORTH_IT:
            raise NothingToGain("Compressing this picture more would save next to nothing.")
        preview = image_encoding.thumbnail(picture)
    how: dict[str, JSON] = {"compressed": {"codec": encoder["codec"], "q": encoder["q"], "bytes": len(data)}}
    how |= {name: encoder[name] for name in ("marked", "resized", "fit") if name in encoder}
    return _encoded(chosen, preview, len(data), how, {})


def convert(data: bytes, content_type: str, target: Target, *, owner: object = None) -> tuple[bytes, str]:
    """A stored picture in another format, for downloading: (bytes, content type), with the mark it has.

    Bytes already of the target's type are returned as they are: they are our own encoder's. PNG is exact; JPEG puts
    transparency on white and keeps the first frame alone; the others keep an animation. Raises PicturesBusy (503)."""
    wanted = f"image/{target}"
    if content_type == wanted:
        return data, wanted
    with gate.enter(owner):
        return _written(_stored(data), target), wanted


def portable(data: bytes, *, owner: object = None) -> tuple[bytes, str]:
    """A stored picture in a format that opens everywhere: (bytes, content type), with the mark it has.

    JPEG for an opaque AVIF; PNG, which loses nothing, for WebP (stored without loss, or moving) and transparency."""
    with gate.enter(owner):
        picture = _stored(data)
        exact = data.startswith(b"RIFF") or picture.frames[0].mode == "RGBA"
        target: Target = "png" if exact else "jpeg"
        return _written(picture, target), f"image/{target}"


def _stored(data: bytes) -> Picture:
    """A picture of our own, with the mark we gave it."""
    return replace(open_picture(data, ours=True), marked=image_marks.is_marked(data))


def _written(picture: Picture, target: Target) -> bytes:
    every: dict[Target, dict[str, object]] = {
        "png": {},
        "jpeg": {"quality": 92, "progressive": True, "optimize": True},
        "webp": {"quality": 90, "method": 4},
        "avif": {"quality": 80, "speed": 8, "max_threads": 1},
    }
    options = every[target]
    if target == "jpeg":
        still = replace(picture, frames=[_on_white(picture.frames[0])])
        return image_encoding.written(still, "JPEG", **options)
    return image_encoding.written(picture, target.upper(), **options)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def data_url(data: bytes, content_type: str) -> str:
    """The bytes as a base64 data URL."""
    return f"data:{content_type};base64,{base64.b64encode(data).decode('ascii')}"
