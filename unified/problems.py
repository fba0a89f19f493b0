"""How every refusal leaves the API: RFC 9457 `application/problem+json`, whatever the caller accepts."""

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from django.conf import settings
from django.core import exceptions as django_errors
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.encoding import escape_uri_path
from django.views import csrf as django_csrf
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.fields import get_error_detail
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from accounts.errors import DomainError, problem
from unified.problem_codes import PROBLEM_CODES

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"
MOST_ERRORS, LONGEST_NAME = 20, 150
CHALLENGE = 'Bearer realm="unified"'

# Where DRF's own code says less than ours, or says it in another word.
_CODES = {
    "parse_error": "invalid_request",
    "invalid": "invalid_request",
    "authentication_failed": "invalid_key",
    "throttled": "rate_limited",
}
_MALFORMED = (
    django_errors.SuspiciousOperation,
    django_errors.BadRequest,
    MultiPartParserError,
    UnreadablePostError,
    UnicodeDecodeError,
)


class BodyTooLarge(DomainError):
    """A body with more bytes than settings.MAX_BODY_BYTES."""

    code = "body_too_large"
    status = 413
    title = "Body too large"

    def __init__(self) -> None:
        most = settings.MAX_BODY_BYTES
        super().__init__(f"A body may have at most {most:,} bytes.", limit_bytes=most)


class ProblemResponse(HttpResponse):
    """A finished problem; `data` is the body before it became bytes."""

    def __init__(self, data: dict[str, Any], headers: Mapping[str, str]) -> None:
        self.data = data
        # ASCII escapes: no string, however broken, can make the rendering of an error fail.
        body = json.dumps(data, cls=JSONEncoder)
        super().__init__(body, status=data["status"], content_type="application/problem+json", headers=dict(headers))
        self.setdefault("Cache-Control", "no-store")


def problem_response(
    request: HttpRequest | Request | None,
    *,
    status: int,
    code: str,
    detail: str,
    title: str = "",
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> ProblemResponse:
    """The problem as a response; `facts` are extra members and cannot replace the standard ones."""
    body = {
        "type": f"{settings.PUBLIC_URL}/api/docs#{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": _instance(request),
        "code": code,
    }
    return ProblemResponse({**facts, **body}, headers or {})


def _instance(request: HttpRequest | Request | None) -> str:
    return escape_uri_path(request.path) if request is not None else ""


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's hook: a problem for any exception at all; bugs are logged, and re-raised where settings ask for that."""
    request = context.get("request")
    if isinstance(exc, django_errors.RequestDataTooBig):
        exc = BodyTooLarge()
    if isinstance(exc, DomainError):
        return ProblemResponse(problem(exc, _instance(request)), exc.headers)
    known = _as_api_exception(exc)
    if isinstance(known, exceptions.ValidationError):
        return _invalid(request, known)
    if known is not None:
        return _refused(request, known, context.get("view"))
    if settings.DEBUG_PROPAGATE_EXCEPTIONS:
        return None
    logger.exception("Unhandled %s in the API", type(exc).__name__, exc_info=exc)
    # What error trackers and Django's test client listen to, since the exception itself ends here.
    got_request_exception.send(sender=type(context.get("view")), request=getattr(request, "_request", request))
    return internal_error(request)


def internal_error(request: HttpRequest | Request | None) -> ProblemResponse:
    """The answer to a bug: nothing but the id under which it was logged."""
    request_id = getattr(request, "request_id", "-")
    detail = f"Something went wrong on our side. Name request {request_id} when you report it."
    return problem_response(request, status=500, code="internal_error", detail=detail, request_id=request_id)


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, django_errors.PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, django_errors.ValidationError):
        return exceptions.ValidationError(get_error_detail(exc))
    if isinstance(exc, _MALFORMED):
        return exceptions.ParseError()
    return None


def _invalid(request: Any, exc: exceptions.ValidationError) -> ProblemResponse:
    found = _field_errors(exc.detail)
    # An answer is short, however much is wrong with a request.
    errors, more = list(islice(found, MOST_ERRORS)), sum(1 for _ in found)
    first = errors[0] if errors else {"field": "", "detail": "The request is not valid."}
    detail = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    if len(errors) > 1:
        detail = f"{detail} ({len(errors) - 1} more in errors{f', {more} more not listed' if more else ''})"
    return problem_response(request, status=400, code="invalid_request", detail=detail, errors=errors)


def _field_errors(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for key, below in detail.items():
            name = "" if key == api_settings.NON_FIELD_ERRORS_KEY else str(key)
            yield from _field_errors(below, ".".join(part for part in (path, name) if part))
    elif isinstance(detail, (list, tuple)):
        for index, below in enumerate(detail):
            plain = isinstance(below, str)
            yield from _field_errors(below, path if plain else f"{path}.{index}" if path else str(index))
    else:
        yield {"field": path[:LONGEST_NAME], "code": getattr(detail, "code", None) or "invalid", "detail": str(detail)}


def _refused(request: Any, exc: exceptions.APIException, view: Any) -> ProblemResponse:
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    unauthorised = isinstance(exc, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed))
    # DRF turns 401 into 403 when the first authenticator has no challenge; ours always has one.
    status = 401 if unauthorised else exc.status_code
    detail = str(exc.detail) if isinstance(exc.detail, str) else str(exc.default_detail)
    return problem_response(
        request, status=status, code=_CODES.get(code, code), detail=detail, headers=_headers(exc, view)
    )


def _headers(exc: exceptions.APIException, view: Any) -> dict[str, str]:
    headers: dict[str, str] = dict(getattr(exc, "headers", None) or {})
    if isinstance(exc, exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(exc, exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="invalid_token"'
    elif isinstance(exc, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(getattr(view, "allowed_methods", []))
    elif isinstance(exc, exceptions.Throttled):
        headers.setdefault("Retry-After", str(max(1, math.ceil(getattr(exc, "wait", None) or 1))))
    return headers


# What the server refuses before it is a request; anything else it finds wrong with one is 400.
EDGE_CODES = {
    408: "request_timeout",
    411: "length_required",
    413: "body_too_large",
    414: "uri_too_long",
    417: "expectation_failed",
    431: "headers_too_large",
    500: "internal_error",
    503: "server_busy",
}
BUSY_SECONDS = 5


def at_the_edge(status: int, request_id: str) -> ProblemResponse:
    """The problem of what never became a request."""
    code = EDGE_CODES.get(status, "invalid_request")
    if code == BodyTooLarge.code:
        return ProblemResponse(problem(BodyTooLarge(), ""), {})
    row = next(row for row in PROBLEM_CODES if row.code == code)
    headers = {"Retry-After": str(BUSY_SECONDS)} if status == 503 else {}
    facts = {"request_id": request_id} if status == 500 else {}
    return problem_response(None, status=row.status, code=code, detail=row.meaning, headers=headers, **facts)


def in_api(request: HttpRequest) -> bool:
    """Whether a path answers programs; every other path answers people, in HTML."""
    return request.path.startswith(API_PREFIX) or request.path == API_PREFIX.rstrip("/")


@csrf_exempt
def api_not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """For a last route below /api/, so that an unknown path is a problem under DEBUG too."""
    return problem_response(request, status=404, code="not_found", detail="There is nothing at this path.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if not in_api(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, django_errors.RequestDataTooBig):
        return ProblemResponse(problem(BodyTooLarge(), _instance(request)), {})
    return problem_response(request, status=400, code="invalid_request", detail="The request is malformed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if not in_api(request):
        return defaults.permission_denied(request, exception)
    return problem_response(request, status=403, code="permission_denied", detail="This is not allowed.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return api_not_found(request) if in_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500."""
    return internal_error(request) if in_api(request) else defaults.server_error(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """settings.CSRF_FAILURE_VIEW."""
    if not in_api(request):
        return django_csrf.csrf_failure(request, reason=reason)
    return problem_response(request, status=403, code="csrf_failed", detail="The CSRF token is missing or wrong.")


class EncryptedApiMiddleware:
    """Refuses API calls without TLS where there is TLS: a redirect would hide that a key was sent in clear."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and in_api(request):
            detail = "This API is served over TLS only. Whatever key you sent was readable on its way: replace it."
            return problem_response(request, status=403, code="tls_required", detail=detail)
        return self.get_response(request)
