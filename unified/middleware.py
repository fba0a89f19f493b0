"""What happens to every request before any view: its id, and the one character encoding we speak."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")
_current: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """Takes the caller's `X-Request-ID` or makes one; returns it and lends it to every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if _ACCEPTED.fullmatch(offered) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        _speak_utf8(request)
        token = _current.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _current.reset(token)
        response["X-Request-ID"] = request_id
        return response


class RequestIdFilter(logging.Filter):
    """Gives every log record a `request_id`, "-" outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs an answered error after the middleware has returned, but hands the request along.
        request = getattr(record, "request", None)
        record.request_id = getattr(request, "request_id", None) or _current.get()
        return True


def current_request_id() -> str:
    """The id of the request this thread is answering, or "-"."""
    return _current.get()


def _speak_utf8(request: HttpRequest) -> None:
    # Django decodes even the query string with the Content-Type's charset, and "bz2_codec" counts as one: a crash.
    if (request.content_params or {}).get("charset"):
        request.encoding = "utf-8"
