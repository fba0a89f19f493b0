"""Turns what an app sent into the bytes that are stored and counted, and back."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import brotli
from django.conf import settings

from accounts.errors import DomainError, InvalidField
from workspace import images
from workspace.models import Content, Project, ProjectType

Compression = Literal["auto", "lossless", "none"]
BROTLI_MIN_BYTES = 512
BROTLI_BEST_BELOW = 65_536
EXCERPT_LENGTH = 400
MARKDOWN_MARKS = re.compile(r"^(#{1,6}|[-*+>])[ \t]+|\*\*|__|`", re.MULTILINE)


class ContentTooLarge(DomainError):
    """One body is larger than could ever fit."""

    code = "content_too_large"
    status = 413
    title = "Content too large"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Content ready to store. `counted_bytes` is what it takes from the quota."""

    data: bytes
    counted_bytes: int
    original_bytes: int
    content_type: str
    encoding: str = ""
    width: int | None = None
    height: int | None = None
    encoder: dict[str, Any] = field(default_factory=dict)
    thumbnail: bytes | None = None
    thumbnail_type: str = ""
    text: str = ""

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def excerpt(self) -> str:
        """The first words as a person reads them: without Markdown's marks and line breaks."""
        words = MARKDOWN_MARKS.sub("", self.text[: EXCERPT_LENGTH * 2])
        return re.sub(r"\s+", " ", words).strip()[:EXCERPT_LENGTH]


def prepare(
    *, project_type: str, content: str | bytes, compression: Compression = "auto", max_bytes: int | None = None
) -> Prepared:
    """The stored form of `content`. Slow for pictures, so it runs before the transaction.

    Text is UTF-8 of at most 512 kB. A picture is base64, a data URL or its bytes, and is always re-encoded;
    `max_bytes` lets its quality be lowered to fit. Raises InvalidField, ContentTooLarge, and what `images` raises."""
    if project_type == ProjectType.TEXT:
        return prepare_text(_decoded_text(content), compression)
    try:
        return _prepare_image(content, compression, max_bytes)
    except DomainError as refusal:
        # What was wrong with the picture is said of the field that carried it.
        field = "content" if isinstance(content, str) else "file"
        fault = {"field": field, "code": refusal.code, "detail": refusal.detail}
        refusal.facts.setdefault("errors", [fault])
        raise


def _decoded_text(content: str | bytes) -> str:
    if isinstance(content, str):
        return content
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidField("file", "The text is not valid UTF-8.") from None
    if "\x00" in text:
        raise InvalidField("file", "The text contains a NUL character.")
    return text


def prepare_text(text: str, compression: Compression) -> Prepared:
    """Text, compressed with brotli unless it is short or `compression` is `none`.

    Counted as stored but never below an eighth of its size, or a megabyte of "aaaa" would be a gigabyte."""
    raw = text.encode()
    if len(raw) > settings.MAX_TEXT_BYTES:
        raise ContentTooLarge(
            f"One text may have {settings.MAX_TEXT_BYTES:,} bytes; this one has {len(raw):,}.",
            limit_bytes=settings.MAX_TEXT_BYTES,
            size_bytes=len(raw),
        )
    plain = Prepared(raw, len(raw), len(raw), "text/plain; charset=utf-8", text=text)
    if compression == "none" or len(raw) < BROTLI_MIN_BYTES:
        return plain
    packed = brotli.compress(raw, mode=brotli.MODE_TEXT, quality=11 if len(raw) <= BROTLI_BEST_BELOW else 5)
    counted = max(len(packed), -(-len(raw) // 8))
    if counted >= len(raw):
        return plain
    return Prepared(packed, counted, len(raw), plain.content_type, encoding="br", text=text)


def _prepare_image(content: str | bytes, compression: Compression, max_bytes: int | None) -> Prepared:
    limit = settings.MAX_UPLOAD_BYTES
    raw = images.decode_base64_image(content, limit) if isinstance(content, str) else content
    if len(raw) > limit:
        raise ContentTooLarge(f"One picture may have {limit:,} bytes.", limit_bytes=limit, size_bytes=len(raw))
    made = images.encode(raw, lossless=compression != "auto", max_bytes=max_bytes)
    return Prepared(
        data=made.data,
        counted_bytes=len(made.data),
        original_bytes=made.original_bytes,
        content_type=made.content_type,
        width=made.width,
        height=made.height,
        encoder=made.encoder,
        thumbnail=made.thumbnail,
        thumbnail_type=made.thumbnail_type,
    )


def raw_bytes(project: Project) -> bytes:
    """A project's content as it is served: text decompressed, a picture as stored."""
    data = bytes(Content.objects.values_list("data", flat=True).get(project=project))
    return brotli.decompress(data) if project.encoding == "br" else data


def text_of(project: Project) -> str:
    """A project's text; a picture has none."""
    return raw_bytes(project).decode() if project.is_text else ""


def as_json(project: Project) -> str:
    """A project's content as the API carries it: text as text, a picture as a data URL."""
    data = raw_bytes(project)
    return data.decode() if project.is_text else images.data_url(data, project.content_type)
