"""Compressing more what is stored: what that would gain and cost, and doing it, at most once for each project."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from accounts.errors import DomainError
from workspace import content, images
from workspace.content import BROTLI_MIN_BYTES, Prepared
from workspace.image_encoding import WORTH_IT, next_quality
from workspace.image_fitting import SLOPE
from workspace.models import Project

# AVIF at quality 60 takes 61 bytes for 1,000 pixels of AI pictures; docs/pictures.md says how that was measured.
BYTES_PER_PIXEL = 0.061
# Brotli makes prose 2.7 times smaller.
TEXT_RATIO = 2.7


class AlreadyCompressed(DomainError):
    """Quality was given for bytes once; a second time would cost more and gain less."""

    code = "already_compressed"
    status = 409
    title = "Already compressed"


@dataclass(frozen=True, slots=True)
class Offer:
    """What compressing a project more would do. `bytes_after` is estimated; qualities are the encoder's, None for
    without loss."""

    bytes_before: int
    bytes_after: int
    quality_before: int | None
    quality_after: int | None

    @property
    def saves_bytes(self) -> int:
        return self.bytes_before - self.bytes_after

    @property
    def loses_quality(self) -> bool:
        return self.quality_after is not None


def offer_for(project: Project) -> Offer | None:
    """What `compress_more` would gain and cost; None when it was done before or would gain next to nothing.

    Reads the project's row alone, so that a list of offers is cheap. Nothing is gained from what counts nothing."""
    if is_compressed(project) or not project.file_size_bytes:
        return None
    before, quality = project.file_size_bytes, project.encoder.get("q")
    if project.is_text:
        lower, after = None, _text_after(project)
    else:
        lower = next_quality(project.encoder)
        after = before if lower is None else _picture_after(project, quality, lower)
    return Offer(before, after, quality, lower) if after <= before * WORTH_IT else None


def is_compressed(project: Project) -> bool:
    """Whether it was compressed more already."""
    return "compressed" in project.encoder


def _text_after(project: Project) -> int:
    size = project.file_size_bytes
    return size if project.encoding or size < BROTLI_MIN_BYTES else int(size / TEXT_RATIO)


def _picture_after(project: Project, quality: int | None, lower: int) -> int:
    if quality is None:
        return int((project.width or 0) * (project.height or 0) * BYTES_PER_PIXEL)
    return int(project.file_size_bytes * math.exp(-SLOPE * (quality - lower)))


def compress_more(project: Project) -> Prepared:
    """The project's content in fewer bytes, ready to store: text without loss, a picture at a lower quality.

    Nothing is stored here. Slow for pictures: call it outside transactions, then store it under the owner's lock, where
    `is_compressed` is to be asked again. Raises AlreadyCompressed and NothingToGain (409), and PicturesBusy (503)."""
    if is_compressed(project):
        raise AlreadyCompressed("This was compressed more before; that is done once only.")
    if project.is_text:
        return _text(project)
    data = content.raw_bytes(project)
    made = images.compress_more(data, project.encoder, owner=project.user_id)
    prepared = content.of_picture(made, content.identity_of(data, compressed=True))
    return content.placed(project.user, replace(prepared, original_bytes=project.original_size_bytes))


def _text(project: Project) -> Prepared:
    packed = content.prepare_text(content.text_of(project), "auto")
    if packed.counted_bytes >= project.file_size_bytes * WORTH_IT:
        raise images.NothingToGain("Compressing this text more would save next to nothing.")
    return packed
