"""Writes decoded pictures in few bytes: the candidates at a fixed quality, and the ladder that makes one fit.

The numbers come from 20 pictures of 1024 x 1024: AVIF at quality 60 takes 0.66 of WebP's bytes at equal quality.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import PIL
from PIL import Image, features

from workspace.image_opening import Picture

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

QUALITY = 60
ANIMATION_QUALITY = 80
FLOOR = 45
FEW_COLOURS = 65_536
SMALLER_SIDES = (896, 768)
# log(bytes) gained per point of quality.
SLOPE = 0.034
PROBES = 3
FULL_ENOUGH = 0.96
THUMBNAIL_SIDE = 320
_METHOD = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to write a picture, with the settings that made it."""

    data: bytes
    content_type: str
    size: tuple[int, int]
    settings: dict[str, JSON]


Writer = Callable[[Picture, int], Candidate]


def versions() -> dict[str, JSON]:
    """The encoders' versions, kept with each picture so that a later one can be told apart."""
    return {"pillow": PIL.__version__, "libavif": features.version("avif"), "libwebp": features.version("webp")}


def thumbnail(picture: Picture) -> bytes:
    """The first frame, at most 320 pixels long, as WebP."""
    small = picture.frames[0].copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return saved(small, "WEBP", quality=70, method=_METHOD)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of one Pillow save. The image carries no metadata, so none is written."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def saved_animation(picture: Picture, kind: str, **options: object) -> bytes:
    """The bytes of all frames with their times."""
    return saved(
        picture.frames[0],
        kind,
        save_all=True,
        append_images=picture.frames[1:],
        duration=picture.durations,
        loop=picture.loop,
        **options,
    )


def write_lossless(picture: Picture) -> Candidate:
    """WebP without loss, the colours under transparency included."""
    settings: dict[str, JSON] = {"codec": "webp", "lossless": True, "q": None, "speed": None}
    if picture.animated:
        data = saved_animation(picture, "WEBP", lossless=True, quality=75, method=_METHOD, exact=True)
    else:
        data = saved(picture.frames[0], "WEBP", lossless=True, method=_METHOD, exact=True)
    return Candidate(data, "image/webp", picture.size, settings)


def write_smallest(picture: Picture, speed: int) -> Candidate:
    """The smallest of all ways the policy names for this picture, at its fixed quality."""
    if picture.animated:
        return _animation(picture, ANIMATION_QUALITY)
    candidates = [_avif(picture, QUALITY, speed)]
    image = picture.frames[0]
    if image.getcolors(FEW_COLOURS) is not None:
        if image.mode != "L":
            candidates.append(_avif(picture, QUALITY, speed, "4:4:4"))
        candidates.append(write_lossless(picture))
    return min(candidates, key=lambda candidate: len(candidate.data))


def _avif(picture: Picture, quality: int, speed: int, subsampling: str = "4:2:0") -> Candidate:
    image = picture.frames[0]
    if image.mode == "L":
        subsampling = "4:0:0"
    data = saved(image, "AVIF", quality=quality, speed=speed, subsampling=subsampling, max_threads=1)
    settings: dict[str, JSON] = {"codec": "avif", "q": quality, "speed": speed, "subsampling": subsampling}
    return Candidate(data, "image/avif", image.size, settings)


def _animation(picture: Picture, quality: int) -> Candidate:
    # Mixed: each frame is written with or without loss, whichever is smaller.
    data = saved_animation(picture, "WEBP", quality=quality, method=_METHOD, allow_mixed=True)
    settings: dict[str, JSON] = {"codec": "webp", "q": quality, "speed": None, "frames": len(picture.frames)}
    return Candidate(data, "image/webp", picture.size, settings)


def fit(picture: Picture, first: Candidate, max_bytes: int, speed: int) -> tuple[Candidate, dict[str, JSON]]:
    """Lower the quality, then the size, until the picture takes at most max_bytes.

    Returns the best that fits, or the smallest tried when nothing does, and a record of what was done.
    """
    steps = [first]
    best = first if len(first.data) <= max_bytes else _descend(picture, steps, max_bytes, speed)
    chosen = best or min(steps, key=lambda step: len(step.data))
    record: dict[str, JSON] = {
        "max_bytes": max_bytes,
        "fits": best is not None,
        "applied": chosen is not first,
        "from": {"q": first.settings["q"], "width": first.size[0], "height": first.size[1], "bytes": len(first.data)},
        "tried": [{"q": step.settings["q"], "long_edge": max(step.size), "bytes": len(step.data)} for step in steps],
    }
    return chosen, record


def _descend(picture: Picture, steps: list[Candidate], max_bytes: int, speed: int) -> Candidate | None:
    top = ANIMATION_QUALITY if picture.animated else QUALITY

    def write(at_size: Picture, quality: int) -> Candidate:
        made = _animation(at_size, quality) if picture.animated else _avif(at_size, quality, speed)
        steps.append(made)
        return made

    known = (top, math.log(len(steps[0].data)))
    best = _search(picture, write, known, top - 1, max_bytes)
    for side in SMALLER_SIDES:
        if best is not None or side >= max(picture.size):
            continue
        smaller = shrink(picture, side)
        last = steps[-1]
        area = smaller.size[0] * smaller.size[1] / (last.size[0] * last.size[1])
        guess = (int(str(last.settings["q"])), math.log(len(last.data) * area))
        best = _search(smaller, write, guess, top, max_bytes)
    return best


def _search(picture: Picture, write: Writer, known: tuple[int, float], top: int, max_bytes: int) -> Candidate | None:
    """Secant on log(bytes) over quality, at most PROBES times; the highest quality that fits."""
    goal, slope, best = math.log(max(max_bytes, 1)), SLOPE, None
    low, high = FLOOR, top
    for _ in range(PROBES):
        quality = min(max(math.floor(known[0] + (goal - known[1]) / slope), low), high)
        made = write(picture, quality)
        size = math.log(len(made.data))
        if quality != known[0] and (size - known[1]) * (quality - known[0]) > 0:
            slope = (size - known[1]) / (quality - known[0])
        known = (quality, size)
        if len(made.data) <= max_bytes:
            best, low = made, quality + 1
            if len(made.data) >= FULL_ENOUGH * max_bytes:
                break
        else:
            high = quality - 1
        if low > high:
            return best
    # Lower quality comes before smaller size: the floor is tried before this size is given up.
    return best or _if_fits(write(picture, FLOOR), max_bytes)


def _if_fits(made: Candidate, max_bytes: int) -> Candidate | None:
    return made if len(made.data) <= max_bytes else None


def shrink(picture: Picture, side: int) -> Picture:
    """The same picture with its long edge at `side` pixels."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.size[0] * scale)), max(1, round(picture.size[1] * scale)))
    frames = [frame.resize(size, Image.Resampling.LANCZOS) for frame in picture.frames]
    return Picture(frames, picture.durations, picture.loop)
