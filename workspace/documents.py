"""Tells what a stranger's document is, by its content, and how many pages it has.

A PDF, DOCX or TIFF has the pages it is made of, a picture has one, and plain UTF-8 text has one for every 1,800
characters (a publisher's standard page: 30 lines of 60), rounded up.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from django.conf import settings

from workspace import document_docx, document_tiff
from workspace.document_limits import (
    DocumentTooLarge,
    EncryptedDocument,
    InvalidDocument,
    UnsupportedDocument,
    check_pages,
    pages_of_text,
)
from workspace.image_opening import check_picture

__all__ = [
    "Counted",
    "DocumentTooLarge",
    "EncryptedDocument",
    "InvalidDocument",
    "UnsupportedDocument",
    "count_pages",
]

Kind = Literal["pdf", "docx", "tiff", "text", "image"]

ACCEPTED = ("PDF", "DOCX", "TIFF", "TXT", "PNG", "JPEG", "WebP", "AVIF", "GIF")
_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# Text that is to be rendered: its characters say nothing of its pages.
_MARKUP = re.compile(rb"<(?:!|\?xml|[a-z][\w:.-]*[\s/>])|\{\\rtf|%!PS", re.IGNORECASE)
_DOCUMENT_NAMES = frozenset({".pdf", ".docx", ".doc", ".odt", ".rtf", ".zip", ".html", ".htm", ".xhtml", ".xml"})
_PICTURE_NAMES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".tif", ".tiff", ".svg"})


@dataclass(frozen=True, slots=True)
class Counted:
    """How many pages a document has, at least one, and what it is."""

    pages: int
    kind: Kind


def count_pages(data: bytes, filename: str = "") -> Counted:
    """Count the pages of a document of at most 16 MiB in less than a second.

    The content alone says what it is; `filename` can only keep what claims another type from passing as plain text.
    Raises UnsupportedDocument (415), InvalidDocument or EncryptedDocument (400), DocumentTooLarge (413), and for
    pictures what `images` raises.
    """
    if not data:
        raise InvalidDocument("The file is empty.")
    if len(data) > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_BYTES
        raise DocumentTooLarge(f"The file is larger than {limit:,} bytes.", max_bytes=limit)
    kind = _kind_of(data)
    return Counted(_pages(kind, data, filename), kind)


def _pages(kind: Kind, data: bytes, filename: str) -> int:
    match kind:
        case "pdf":
            # 14 MB, in every worker, that only who counts pages of a PDF needs.
            from workspace import document_pdf

            return document_pdf.count(data)
        case "docx":
            return document_docx.count(data)
        case "tiff":
            return document_tiff.count(data)
        case "image":
            check_picture(data)
            return 1
        case "text":
            return _pages_of_text(data, filename)


def _kind_of(data: bytes) -> Kind:
    if data.startswith(_PICTURES) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return "image"
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return "image"
    if data.startswith((b"II*\0", b"MM\0*")):
        return "tiff"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "docx"
    if data.startswith(_OFFICE):
        # An Office document with a password is not a zip but this container round an encrypted one.
        if _ENCRYPTED_OFFICE in data:
            raise EncryptedDocument("Remove the document's password and send it again.")
        raise _unsupported("Old Office files are not counted; save it as DOCX or PDF.")
    return _pdf_or_text(data)


def _pdf_or_text(data: bytes) -> Kind:
    # Readers accept a PDF that begins within the first kilobyte; a plain text may well speak of "%PDF-" there.
    beginning = data[:1024]
    if beginning.lstrip(codecs.BOM_UTF8 + b" \t\r\n\0").startswith(b"%PDF-"):
        return "pdf"
    if _CONTROLS.search(data) is None:
        return "text"
    if b"%PDF-" in beginning:
        return "pdf"
    raise _unsupported("The file is none of the documents whose pages can be counted.")


def _pages_of_text(data: bytes, filename: str) -> int:
    if _MARKUP.match(data.removeprefix(codecs.BOM_UTF8).lstrip()):
        raise _unsupported("Markup is not counted; send it as PDF or plain text.")
    if PurePath(filename).suffix.lower() in _DOCUMENT_NAMES | _PICTURE_NAMES:
        raise _unsupported("The file is not what its name says.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unsupported("Plain text must be UTF-8.") from error
    return check_pages(pages_of_text(len(text)))


def _unsupported(sentence: str) -> UnsupportedDocument:
    return UnsupportedDocument(sentence, accepted=list(ACCEPTED))
