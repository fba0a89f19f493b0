"""How much of a stranger's document may be looked at, and the errors for those that cannot be counted."""

from __future__ import annotations

import _weakrefset
import gc
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from accounts.errors import DomainError

MAX_PAGES = 10_000
# Processor seconds of the counting thread; a busy machine does not make a document refused.
MAX_SECONDS = 0.75
# The standard page of publishers and translators: 30 lines of 60 characters, spaces included.
CHARACTERS_PER_PAGE = 1_800


class UnsupportedDocument(DomainError):
    code = "unsupported_media"
    status = 415
    title = "Unsupported format"


class InvalidDocument(DomainError):
    code = "invalid_document"
    status = 400
    title = "The document cannot be read"


class EncryptedDocument(DomainError):
    code = "encrypted_document"
    status = 400
    title = "The document is encrypted"


class DocumentTooLarge(DomainError):
    code = "document_too_large"
    status = 413
    title = "The document is too large"


# Whose functions the interpreter calls when something weakly held goes.
_CALLED_BACK = {weakref.__file__, _weakrefset.__file__}


class OutOfTime(BaseException):
    """Ends work whose time is up. No Exception, so that a library's recovery from errors cannot swallow it."""


class Deadline:
    """A budget of processor time for one document, from now on."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._end = time.thread_time() + seconds

    def check(self) -> None:
        """Raise OutOfTime once the budget is used up."""
        if time.thread_time() > self._end:
            raise OutOfTime

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Check while functions are called in this thread, Python's own too: only that ends a library's loops."""
        calls = 0

        def on_call(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal calls
            calls += 1
            # Asking the clock costs more than most calls do.
            if not calls % 16 and time.thread_time() > self._end and _is_heard(frame):
                raise OutOfTime

        before = sys.getprofile()
        sys.setprofile(on_call)
        try:
            yield
        finally:
            sys.setprofile(before)


def _is_heard(frame: FrameType | None) -> bool:
    """Whether an error raised here comes out: the collector and finalizers swallow it, and with it the watch ends."""
    deaf = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        code = frame.f_code
        if code in deaf or code.co_name == "__del__" or code.co_filename in _CALLED_BACK:
            return False
        frame = frame.f_back
    return True


def too_complicated() -> DocumentTooLarge:
    """The refusal of a document whose pages cannot be counted in time."""
    return DocumentTooLarge("The document is too complicated to count its pages.")


def check_pages(pages: int) -> int:
    """The number of pages, when a document may have so many."""
    if pages > MAX_PAGES:
        raise DocumentTooLarge(f"A document may have at most {MAX_PAGES:,} pages.", max_pages=MAX_PAGES)
    return pages


def pages_of_text(characters: int) -> int:
    """Pages that so many characters fill: 1,800 each, rounded up, at least one."""
    return max(1, -(-characters // CHARACTERS_PER_PAGE))
