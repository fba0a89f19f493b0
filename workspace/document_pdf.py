"""Counts the pages of a PDF by walking its page tree; the number that the file claims for itself is not believed."""

from __future__ import annotations

import io
import logging
from typing import Any

from pypdf import PasswordType, PdfReader, apply_configuration
from pypdf.errors import DependencyError, FileNotDecryptedError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from workspace.document_limits import (
    MAX_PAGES,
    Deadline,
    EncryptedDocument,
    InvalidDocument,
    OutOfTime,
    check_pages,
    too_complicated,
)

MAX_XREF_ENTRIES = 300_000
MAX_INFLATED_BYTES = 16 * 1_048_576
MAX_NODES = 2 * MAX_PAGES
_LIMITS: dict[str, Any] = {
    "zlib_maximum_output_length": MAX_INFLATED_BYTES,
    "lzw_maximum_output_length": MAX_INFLATED_BYTES,
    "run_length_maximum_output_length": MAX_INFLATED_BYTES,
    "brotli_maximum_output_length": MAX_INFLATED_BYTES,
    "maximum_declared_stream_length": MAX_INFLATED_BYTES,
    "array_based_stream_maximum_output_length": MAX_INFLATED_BYTES,
    "zlib_maximum_recovery_input_length": 65_536,
    "stream_decoding_work_maximum_length": 2 * MAX_INFLATED_BYTES,
    "stream_filters_maximum_length": 4,
    "array_maximum_element_count": MAX_NODES,
}

# Damaged files make it say a line per damaged object; what matters of that is in the refusal.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def count(data: bytes) -> int:
    """Pages of a PDF. One that opens with the empty password (printing or copying restricted) is counted too.

    Raises EncryptedDocument, InvalidDocument (400) or DocumentTooLarge (413)."""
    try:
        with Deadline().enforced(), apply_configuration(**_LIMITS):
            return _counted(data)
    except OutOfTime:
        raise too_complicated() from None
    except (FileNotDecryptedError, DependencyError) as error:
        raise EncryptedDocument("Remove the PDF's password and send it again.") from error


def _counted(data: bytes) -> int:
    try:
        reader = PdfReader(
            io.BytesIO(data), root_object_recovery_limit=1_000, xref_stream_maximum_entries=MAX_XREF_ENTRIES
        )
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
        pages = 0 if locked else _pages_below(reader.root_object["/Pages"])
    except (FileNotDecryptedError, DependencyError):
        raise
    except Exception as error:
        # pypdf lets through whatever a damaged file provokes, RecursionError too.
        raise InvalidDocument("The PDF is damaged or incomplete.") from error
    if locked:
        raise EncryptedDocument("Remove the PDF's password and send it again.")
    if not pages:
        raise InvalidDocument("The PDF has no pages.")
    return check_pages(pages)


def _pages_below(root: Any) -> int:
    """Leaves of the page tree, each reference counted; stops past MAX_PAGES. ValueError for a tree that is none."""
    waiting, seen, pages, nodes = [root], set[int](), 0, 0
    while waiting and pages <= MAX_PAGES:
        nodes += 1
        if nodes > MAX_NODES:
            raise ValueError("more branches than pages")
        node = waiting.pop()
        number = node.idnum if isinstance(node, IndirectObject) else None
        node = node.get_object()
        if not isinstance(node, DictionaryObject):
            continue
        if node.get("/Type") == "/Page" or "/Kids" not in node:
            pages += 1
            continue
        if number is not None:
            if number in seen:
                raise ValueError("a page tree that contains itself")
            seen.add(number)
        kids = node["/Kids"]
        waiting += kids if isinstance(kids, ArrayObject) else []
    return pages
