"""Turns what an app sent into the bytes that are stored and counted, and back."""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import brotli
from django.conf import settings

from accounts.errors import DomainError, InvalidField
from accounts.models import User
from workspace import blobs, images
from workspace.images import EncodedImage
from workspace.models import Content, Project, ProjectType, ProjectVersion
from workspace.search import words_of

Compression = Literal["auto", "lossless", "none"]
PLAIN_TEXT = "text/plain; charset=utf-8"
BROTLI_MIN_BYTES = 512
BROTLI_BEST_BELOW = 65_536
EXCERPT_LENGTH = 400
MARKDOWN_MARKS = re.compile(r"^(#{1,6}|[-*+>])[ \t]+|\*\*|__|`", re.MULTILINE)


class ContentTooLarge(DomainError):
    """One body is larger than could ever fit."""

    code = "content_too_large"
    status = 413
    title = "Content too large"


class ProjectChanged(DomainError):
    """The project was changed or deleted for good while it was being read."""

    code = "project_changed"
    status = 409
    title = "Project changed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Content ready to store. `counted_bytes` is what it takes from the quota, unless the person has it already,
    `recipe` what a picture's file said of its making, and `words` those a text is found by. With a `name` it is in the
    storage already, to be claimed."""

    identity: str
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
    recipe: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    words: str = ""

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def excerpt(self) -> str:
        """The first words as a person reads them: without Markdown's marks and line breaks."""
        words = MARKDOWN_MARKS.sub("", self.text[: EXCERPT_LENGTH * 2])
        return re.sub(r"\s+", " ", words).strip()[:EXCERPT_LENGTH]


def prepare(
    *,
    project_type: str,
    content: str | bytes,
    compression: Compression = "auto",
    max_bytes: int | None = None,
    max_edge: int | None = None,
    generated: bool = False,
    user: User | None = None,
) -> Prepared:
    """The stored form of `content`. Slow for pictures, so it runs before the transaction.

    Text is UTF-8 of at most 512 kB. A picture is base64, a data URL or its bytes, and is always re-encoded;
    `max_bytes` lets its quality be lowered to fit, `max_edge` its long edge be reduced to so many pixels. AI art, what
    was `generated` and what says so itself is marked as made by AI. Of one `user` two pictures are worked on at a time,
    and theirs are put where pictures are kept, when that is not the database.
    Raises InvalidField, ContentTooLarge, and what `images` raises."""
    if project_type == ProjectType.TEXT:
        return prepare_text(decoded_text(content), compression)
    lossless = compression != "auto"
    try:
        raw = _picture_bytes(content)
        if max_edge is None and user is not None and _is_kept(user, raw, lossless):
            # What costs no bytes need not lose any.
            max_bytes = None
        made = images.encode(
            raw,
            lossless=lossless,
            max_bytes=max_bytes,
            max_edge=max_edge,
            generated=generated or project_type == ProjectType.AI_ART,
            owner=user and user.pk,
        )
    except (images.BrokenImage, images.ImageTooLarge, images.UnsupportedMedia, ContentTooLarge) as refusal:
        # What was wrong with the picture is said of the field that carried it.
        field = "content" if isinstance(content, str) else "file"
        fault = {"field": field, "code": refusal.code, "detail": refusal.detail}
        refusal.facts.setdefault("errors", [fault])
        raise
    return placed(user, of_picture(made, _identity(raw, lossless, _done_to(made))))


def _is_kept(user: User, raw: bytes, lossless: bool) -> bool:
    """Whether the person has this very picture, marked or not, as it is stored when nothing presses."""
    identities = [_identity(raw, lossless, [marked]) for marked in (False, True)]
    return Content.objects.filter(user=user, identity__in=identities).exists()


def _identity(raw: bytes, lossless: bool, done: list[Any]) -> str:
    return identity_of(raw, picture=True, lossless=lossless, done=done)


def says_generated(metadata: Mapping[str, Any]) -> bool:
    """Whether an app's metadata tell that it made the picture from words."""
    return bool(metadata.get("prompt"))


def placed(user: User | None, prepared: Prepared) -> Prepared:
    """The same, its bytes in the storage when there is one and the person does not have them yet. May be network."""
    if user is None or Content.objects.filter(user=user, identity=prepared.identity).exists():
        return prepared
    return replace(prepared, name=blobs.upload(user, prepared.data))


def decoded_text(content: str | bytes) -> str:
    """Text from what was sent. Raises InvalidField for what is not UTF-8 or holds a NUL."""
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
    # What is to be counted as sent is counted each time it is sent: nothing else ever has its identity.
    identity = secrets.token_hex(32) if compression == "none" else identity_of(raw)
    plain = Prepared(identity, raw, len(raw), len(raw), PLAIN_TEXT, text=text, words=words_of(text))
    if compression == "none" or len(raw) < BROTLI_MIN_BYTES:
        return plain
    packed = brotli.compress(raw, mode=brotli.MODE_TEXT, quality=11 if len(raw) <= BROTLI_BEST_BELOW else 5)
    counted = max(len(packed), -(-len(raw) // 8))
    if counted >= len(raw):
        return plain
    return Prepared(identity, packed, counted, len(raw), PLAIN_TEXT, encoding="br", text=text, words=plain.words)


def identity_of(sent: bytes, **asked: Any) -> str:
    """Equal for equal bytes with equal wishes, however fast they were encoded: a person keeps these once.

    `asked` is whatever was meant to change the outcome, such as losslessness; the encoder's speed is not."""
    what = json.dumps([hashlib.sha256(sent).hexdigest(), asked], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()


def _picture_bytes(content: str | bytes) -> bytes:
    limit = settings.MAX_UPLOAD_BYTES
    raw = images.decode_base64_image(content, limit) if isinstance(content, str) else content
    if len(raw) > limit:
        raise ContentTooLarge(f"One picture may have {limit:,} bytes.", limit_bytes=limit, size_bytes=len(raw))
    return raw


def of_picture(made: EncodedImage, identity: str) -> Prepared:
    """An encoded picture, ready to store."""
    return Prepared(
        identity=identity,
        data=made.data,
        counted_bytes=len(made.data),
        original_bytes=made.original_bytes,
        content_type=made.content_type,
        width=made.width,
        height=made.height,
        encoder=made.encoder,
        thumbnail=made.thumbnail,
        thumbnail_type=made.thumbnail_type,
        recipe=made.recipe,
    )


def stored_bytes(user: User, contents: Iterable[int]) -> dict[int, bytes]:
    """What is stored of the person's contents that are named, by key, as far as it is there and can be read now."""
    found = Content.objects.filter(user=user, pk__in=set(contents))
    rows = list(found.values_list("pk", "name", "data"))
    return {key: data for key, name, row in rows if (data := _readable(name, row)) is not None}


def _readable(name: str, data: Any) -> bytes | None:
    try:
        return blobs.read(name) if name else bytes(data)
    except blobs.StorageUnavailable:
        return None


def _done_to(made: EncodedImage) -> list[Any]:
    """Its mark, and how it was lowered or reduced; what nothing was asked for has neither."""
    fit = made.encoder.get("fit")
    lowered = isinstance(fit, dict) and fit["applied"]
    size = [made.encoder["q"], made.width, made.height] if lowered or "resized" in made.encoder else []
    return [bool(made.encoder.get("marked")), *size]


def raw_bytes(project: Project | ProjectVersion) -> bytes:
    """A project's content as it is served: text decompressed, a picture as stored.

    A picture may come over the network, so not inside a transaction. Raises StorageUnavailable, and ProjectChanged
    when what `project` showed when it was read is gone by now."""
    stored = Content.objects.filter(pk=project.content_id).values_list("name", "data").first()
    if stored is None:
        raise ProjectChanged("The project was changed or deleted while it was being read.")
    name, row = stored
    data = blobs.read(name) if name else bytes(row)
    return brotli.decompress(data) if project.encoding == "br" else data


def thumbnail_of(project: Project) -> tuple[bytes, str] | None:
    """A picture's thumbnail and its type; None for what has none."""
    stored = Content.objects.filter(pk=project.content_id).values_list("thumbnail", "thumbnail_type").first()
    return None if stored is None or stored[0] is None else (bytes(stored[0]), stored[1])


def text_of(project: Project) -> str:
    """A project's text; a picture has none."""
    return raw_bytes(project).decode() if project.is_text else ""


@dataclass(frozen=True, slots=True)
class Packed:
    """A text as it is stored, unpacked when somebody reads it."""

    data: bytes
    encoding: str

    def unpacked(self) -> str:
        return (brotli.decompress(self.data) if self.encoding == "br" else self.data).decode()


def packed_texts(texts: Sequence[Project]) -> dict[int, Packed]:
    """The content of many texts by their projects' keys, in one query."""
    stored = Content.objects.filter(pk__in={text.content_id for text in texts}).values_list("pk", "data")
    data = {pk: bytes(row) for pk, row in stored}
    return {text.pk: Packed(data[text.content_id], text.encoding) for text in texts}


def as_json(project: Project | ProjectVersion) -> str:
    """A project's content as the API carries it: text as text, a picture as a data URL."""
    data = raw_bytes(project)
    return data.decode() if project.is_text else images.data_url(data, project.content_type)
