"""What happens to every request before any view: one character encoding for all, and an id for each."""

import logging
import re
import uuid
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts import asking
from accounts.errors import DomainError

logger = logging.getLogger(__name__)

ZONE_COOKIE = "zone"
# What programs and staff read is in UTC, whoever reads it.
IN_UTC = ("/api/", "/admin/", "/ws/")
ZONES = frozenset(available_timezones())

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Utf8Request(WSGIRequest):
    """A request whose Content-Type cannot choose how text is decoded.

    Django decodes the query string with that charset while the request is built, before any error handling: "bz2_codec"
    is a codec, too, and ends in the server's own bare 500."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        header = meta.get("CONTENT_TYPE", "")
        try:
            self.content_type, self.content_params = parse_header_parameters(header)
        except (ValueError, LookupError):
            self.content_type, self.content_params = header.partition(";")[0].strip().lower(), {}


class Utf8Handler(WSGIHandler):
    """Django's WSGI application, on Utf8Request."""

    request_class = Utf8Request

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = super().get_response(request)
        # The length stays as a GET would have it; the bytes are not sent (RFC 9110, section 9.3.2).
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.content = b""
        return response


class RequestIdMiddleware:
    """Takes the caller's `X-Request-ID` or makes one; returns it and lends it to every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if _ACCEPTED.fullmatch(offered) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        with asking.answering(request):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class PageLanguageMiddleware(LocaleMiddleware):
    """Speaks to people in their language, and to programs in that of the documentation."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path.startswith("/api/"):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = translation.get_language()
        else:
            super().process_request(request)


class PrivateByDefaultMiddleware:
    """What a view does not say otherwise about belongs to one caller: no shared cache keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, ["Authorization"])
        return response


class ReaderZoneMiddleware:
    """Tells times in the zone that page.js left in a cookie; without it, or with a zone nobody knows, in UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(f"{settings.HOST_ONLY}{ZONE_COOKIE}", "")
        if name not in ZONES or request.path.startswith(IN_UTC):
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)


class RefusalMiddleware:
    """Shows a person the sentence of a broken rule; the API renders its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, RedisError):
            # Attempts could not be counted, so none is made.
            logger.error("Nobody can sign in: the cache does not answer", exc_info=exception)
            facts = {"title": _("Not available at the moment"), "detail": _("Please try again in a minute.")}
            response = render(request, "refusal.html", {"error": facts}, status=503)
            response["Retry-After"] = "60"
            return response
        if not isinstance(exception, DomainError):
            return None
        response = render(request, "refusal.html", {"error": exception}, status=exception.status)
        for name, value in exception.headers.items():
            response[name] = value
        return response


class RequestIdFilter(logging.Filter):
    """Gives every log record a `request_id`, "-" outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs an answered error after the middleware has returned, but hands the request along.
        request = getattr(record, "request", None)
        record.request_id = getattr(request, "request_id", None) or asking.request_id()
        return True


class RefusalFilter(logging.Filter):
    """Keeps refusals out of the log: Django reports every 4xx, and a full workspace as a server error."""

    def filter(self, record: logging.LogRecord) -> bool:
        status: int = getattr(record, "status_code", 500)
        return status >= 500 and status != 507
