"""What storing a picture takes and keeps: by our own code, at rest and under load, and by the other ways there were."""

import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import PIL
from PIL import Image, features

from benchmarks import pictures, quality
from workspace import images

Encode = Callable[[bytes], bytes]

# Clients at once for each core: enough that the encoder hurries.
CROWD = 4
TIMES_UNDER_LOAD = 3

PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg_85": ("JPEG", {"quality": 85, "progressive": True, "optimize": True}),
    "webp_80": ("WEBP", {"quality": 80, "method": 4}),
    "avif_60_6": ("AVIF", {"quality": 60, "speed": 6, "subsampling": "4:2:0", "max_threads": 1}),
    "avif_60_8": ("AVIF", {"quality": 60, "speed": 8, "subsampling": "4:2:0", "max_threads": 1}),
    "avif_60_9": ("AVIF", {"quality": 60, "speed": 9, "subsampling": "4:2:0", "max_threads": 1}),
}


def measure(quick: bool) -> dict[str, Any]:
    """Bytes, CPU and likeness of every picture by every way, in the pictures' order."""
    about, files = pictures.found()
    sent = files[: 3 if quick else None]
    ways = {"at_rest": at_rest(sent), "under_load": under_load(sent), **plain(sent)}
    judged = _judged(sent, {name: stored for name, (stored, _) in ways.items()})
    return {
        "about": about,
        "versions": {"Pillow": PIL.__version__, "libavif": features.version("avif")},
        "sent": [len(file) for file in sent],
        "ways": {name: _facts(stored, cpu, judged[name]) for name, (stored, cpu) in ways.items()},
    }


Measured = tuple[list[bytes], list[float]]


def at_rest(sent: Sequence[bytes]) -> Measured:
    """As the product stores them, one after the other: files and CPU seconds, the thumbnail's included."""
    return _one_by_one(sent, lambda file: images.encode(file).data)


def under_load(sent: Sequence[bytes]) -> Measured:
    """As the product stores them while many clients send pictures: files, and each one's share of the CPU seconds.

    A picture is kept as it came out last, for the crowd is smaller while the first and the last are at work."""
    crowd = CROWD * len(os.sched_getaffinity(0))
    again = [*sent] * max(TIMES_UNDER_LOAD, 2 * crowd // len(sent))
    before = _cpu()
    with ThreadPoolExecutor(crowd) as clients:
        stored = [made.data for made in clients.map(images.encode, again)]
    share = (_cpu() - before) / len(again)
    middle = len(sent) * (len(again) // len(sent) // 2)
    return stored[middle : middle + len(sent)], [share] * len(sent)


def plain(sent: Sequence[bytes]) -> dict[str, Measured]:
    """As Pillow writes them with nothing of ours around it."""
    return {name: _one_by_one(sent, _writer(kind, options)) for name, (kind, options) in PLAIN.items()}


def _writer(kind: str, options: Mapping[str, Any]) -> Encode:
    def write(file: bytes) -> bytes:
        out = io.BytesIO()
        Image.open(io.BytesIO(file)).convert("RGB").save(out, kind, **options)
        return out.getvalue()

    return write


def _one_by_one(sent: Sequence[bytes], encode: Encode) -> Measured:
    stored, cpu = [], []
    for file in sent:
        before = _cpu()
        stored.append(encode(file))
        cpu.append(_cpu() - before)
    return stored, cpu


def _cpu() -> float:
    """CPU seconds of this program and of those it started that have ended, to the tick."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _judged(sent: Sequence[bytes], ways: Mapping[str, list[bytes]]) -> dict[str, list[dict[str, float]]]:
    pairs = {name: list(zip(sent, stored, strict=True)) for name, stored in ways.items()}
    # Judging takes seconds, and two ways often come to the very same file.
    different = list({pair for every in pairs.values() for pair in every})
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as judges:
        found = dict(zip(different, judges.map(quality.of, different), strict=True))
    return {name: [found[pair] for pair in every] for name, every in pairs.items()}


def _facts(stored: list[bytes], cpu: list[float], judged: list[dict[str, float]]) -> dict[str, list[float]]:
    return {
        "bytes": [len(file) for file in stored],
        "cpu": [round(seconds, 4) for seconds in cpu],
        "ssim": [round(found["ssim"], 5) for found in judged],
        "ss2": [round(found["ss2"], 2) for found in judged],
    }
