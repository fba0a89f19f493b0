"""Writes decoded pictures in few bytes, at a fixed quality.

The numbers come from 20 pictures of 1024 x 1024: AVIF at quality 60 takes 0.66 of WebP's bytes at equal quality.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import PIL
from PIL import Image, features

from workspace import image_marks
from workspace.image_opening import Picture

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

QUALITY = 60
ANIMATION_QUALITY = 80
# What compressing more, once, goes down to: the floor of the ladder in image_fitting, too.
LOWER_QUALITY = 45
LOWER_ANIMATION_QUALITY = 60
# Less than a tenth saved is not worth quality.
WORTH_IT = 0.9
FEW_COLOURS = 65_536
FULL_COLOUR_WORTH = 1.02
# libaom takes some pictures of many colours for screens and tries palettes: twice the time, for 3 % more bytes.
_PAINTED = {"enable-palette": "0"}
# From here on the encoder hurries; its fastest speed.
HURRY, HASTE = 8, 9
THUMBNAIL_SIDE = 320
_METHOD = 4
# WebP without loss in a quarter of the time, for 10 % more bytes at most.
_QUICKLY = {"method": 1, "quality": 20}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to write a picture, with the settings that made it."""

    data: bytes
    content_type: str
    size: tuple[int, int]
    settings: dict[str, JSON]


def versions() -> dict[str, JSON]:
    """The encoders' versions, kept with each picture so that a later one can be told apart."""
    return {"pillow": PIL.__version__, "libavif": features.version("avif"), "libwebp": features.version("webp")}


def thumbnail(picture: Picture) -> bytes:
    """The first frame, at most 320 pixels long, as WebP."""
    small = picture.frames[0].copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return saved(small, "WEBP", quality=70, method=_METHOD)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of one Pillow save. The image carries no metadata, so none is written that is not in the options."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def written(picture: Picture, kind: str, **options: object) -> bytes:
    """The whole picture as a file: all frames with their times where there are several, and its mark."""
    if picture.marked:
        options |= image_marks.options(kind)
    if picture.animated:
        times = {"duration": picture.durations, "loop": picture.loop}
        options |= {"save_all": True, "append_images": picture.frames[1:], **times}
    return saved(picture.frames[0], kind, **options)


def write_lossless(picture: Picture, **effort: int) -> Candidate:
    """WebP without loss, the colours under transparency included; `effort` is Pillow's method and quality."""
    settings: dict[str, JSON] = {"codec": "webp", "lossless": True, "q": None, "speed": None}
    effort = {"method": _METHOD} | effort
    if picture.animated:
        effort["quality"] = 75
        settings["frames"] = len(picture.frames)
    data = written(picture, "WEBP", lossless=True, exact=True, **effort)
    return Candidate(data, "image/webp", picture.size, settings)


def write_smallest(picture: Picture, speed: int) -> Candidate:
    """The smallest of the ways the policy names for this picture, at its fixed quality."""
    if picture.animated:
        return _animation(picture, ANIMATION_QUALITY)
    colours = picture.frames[0].getcolors(FEW_COLOURS)
    if colours is None:
        return _avif(picture, QUALITY, speed)
    if _is_grey([colour for _, colour in colours]):
        picture = replace(picture, frames=[picture.frames[0].convert("L")])
    return _of_few_colours(picture, speed)


def _of_few_colours(picture: Picture, speed: int) -> Candidate:
    """With or without loss, in half or full colour resolution, as quick tries of each advise; in a hurry, a try itself.

    Of 13 such pictures of 1024 x 1024 none took a second. Dithered ones are no smaller at speed 6, for 3 to 7 times the
    time; drawings and text are smaller, and better, without loss."""
    hurried = speed >= HURRY
    exact, best = write_lossless(picture, **_QUICKLY), _avif(picture, QUALITY, HASTE)
    if len(exact.data) < len(best.data):
        return exact if hurried else min(exact, write_lossless(picture), key=_size)
    # Full colour resolution keeps coloured edges sharp: taken where it costs next to nothing.
    if picture.frames[0].mode != "L":
        full = _avif(picture, QUALITY, HASTE, "4:4:4")
        best = full if _size(full) <= _size(best) * FULL_COLOUR_WORTH else best
        speed = max(speed, HURRY)
    if hurried:
        return best
    return min(exact, _avif(picture, QUALITY, speed, str(best.settings["subsampling"])), key=_size)


def _size(candidate: Candidate) -> int:
    return len(candidate.data)


def _is_grey(colours: list[int | float | tuple[int, ...]]) -> bool:
    """Whether a picture of these colours in three channels needs but one."""
    return all(isinstance(colour, tuple) and len(colour) == 3 and len(set(colour)) == 1 for colour in colours)


def _avif(picture: Picture, quality: int, speed: int, subsampling: str = "4:2:0") -> Candidate:
    image = picture.frames[0]
    if image.mode == "L":
        subsampling = "4:0:0"
    options: dict[str, object] = {"codec": "aom", "max_threads": 1, "subsampling": subsampling}
    if image.getcolors(FEW_COLOURS) is None:
        options["advanced"] = _PAINTED
    data = written(picture, "AVIF", quality=quality, speed=speed, **options)
    settings: dict[str, JSON] = {"codec": "avif", "q": quality, "speed": speed, "subsampling": subsampling}
    return Candidate(data, "image/avif", image.size, settings)


def _animation(picture: Picture, quality: int) -> Candidate:
    # Mixed: each frame is written with or without loss, whichever is smaller.
    data = written(picture, "WEBP", quality=quality, method=_METHOD, allow_mixed=True)
    settings: dict[str, JSON] = {"codec": "webp", "q": quality, "speed": None, "frames": len(picture.frames)}
    return Candidate(data, "image/webp", picture.size, settings)


def write_at(picture: Picture, quality: int, speed: int) -> Candidate:
    """With loss at this quality, whatever the picture is like."""
    return _animation(picture, quality) if picture.animated else _avif(picture, quality, speed)


def next_quality(encoder: Mapping[str, JSON]) -> int | None:
    """The quality that what was written by these settings is compressed more to; None when it is there already."""
    moving = "frames" in encoder
    if encoder.get("lossless"):
        return ANIMATION_QUALITY if moving else QUALITY
    lower, now = LOWER_ANIMATION_QUALITY if moving else LOWER_QUALITY, encoder.get("q")
    return lower if isinstance(now, int) and now > lower else None


def top_quality(picture: Picture) -> int:
    """What a picture is written at when nothing presses."""
    return ANIMATION_QUALITY if picture.animated else QUALITY


def shrink(picture: Picture, side: int) -> Picture:
    """The same picture with its long edge at `side` pixels."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.size[0] * scale)), max(1, round(picture.size[1] * scale)))
    frames = [frame.resize(size, Image.Resampling.LANCZOS) for frame in picture.frames]
    return replace(picture, frames=frames)
