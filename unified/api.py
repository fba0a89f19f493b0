"""The API's doors: strict parsers on the way in; problems and pages on the way out come from the neighbours below."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ErrorDetail, ParseError, UnsupportedMediaType, ValidationError
from rest_framework.parsers import BaseParser, DataAndFiles, MultiPartParser

from accounts import strict_json
from unified.pagination import KeysetPagination
from unified.problems import (
    BodyTooLarge,
    ProblemResponse,
    api_not_found,
    bad_request,
    csrf_failure,
    exception_handler,
    page_not_found,
    permission_denied,
    problem_response,
    server_error,
)

__all__ = [
    "BodyTooLarge",
    "KeysetPagination",
    "ProblemResponse",
    "StrictFormParser",
    "StrictJSONParser",
    "api_not_found",
    "bad_request",
    "csrf_failure",
    "exception_handler",
    "page_not_found",
    "permission_denied",
    "problem_response",
    "server_error",
]

_CHUNK = 65_536


class StrictJSONParser(BaseParser):
    """One JSON object in UTF-8, of at most settings.MAX_BODY_BYTES counted bytes, that can be read in one way only."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        _require_utf8(media_type)
        raw = _read(stream)
        _keep(raw, parser_context)
        document = strict_json.loads(strict_json.decode(raw))
        if not isinstance(document, dict):
            raise ParseError("The body must be a JSON object.")
        return document


class StrictFormParser(MultiPartParser):
    """A multipart form in UTF-8 with every field once, of at most settings.MAX_BODY_BYTES counted bytes."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> "DataAndFiles[Any, Any]":
        _require_utf8(media_type)
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            form = super().parse(_Counted(stream), media_type, context)  # type: ignore[arg-type]
        except (ValueError, LookupError, TypeError, AttributeError):
            # Django's parser trips over some malformed part headers without saying MultiPartParserError.
            raise ParseError("The multipart body is malformed.") from None
        _check_form(form)
        return form


class _Counted:
    """A stream that stops with BodyTooLarge when more bytes come than a body may have."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._left = settings.MAX_BODY_BYTES

    def read(self, size: int = _CHUNK) -> bytes:
        chunk: bytes = self._stream.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise BodyTooLarge
        return chunk


def _read(stream: IO[Any]) -> bytes:
    counted = _Counted(stream)
    return b"".join(iter(lambda: counted.read(_CHUNK), b""))


def _keep(raw: bytes, parser_context: Mapping[str, Any] | None) -> None:
    # Reading the stream would make request.body an error; the idempotency fingerprint needs these very bytes.
    request = (parser_context or {}).get("request")
    inner = getattr(request, "_request", None)
    if inner is not None:
        inner._body = raw


def _require_utf8(media_type: str | None) -> None:
    charset = parse_header_parameters(media_type or "")[1].get("charset", "utf-8")
    if str(charset).lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("", detail="Only the charset utf-8 is understood.")


def _check_form(form: "DataAndFiles[Any, Any]") -> None:
    errors: dict[str, list[ErrorDetail]] = {}
    for name, values in [*form.data.lists(), *form.files.lists()]:
        times = len(form.data.getlist(name)) + len(form.files.getlist(name))
        flaw = next((flaw for text in (name, *values) if isinstance(text, str) and (flaw := _form_flaw(text))), None)
        if times > 1:
            flaw = ErrorDetail("Given more than once.", code="duplicate_field")
        if flaw is not None:
            errors[strict_json.shown(name)] = [flaw]
    if errors:
        raise ValidationError(errors)


def _form_flaw(text: str) -> ErrorDetail | None:
    # Django replaces what it cannot decode; the mark it leaves is the only trace.
    if "\ufffd" in text:
        return ErrorDetail("Is not valid UTF-8.", code="invalid_text")
    return strict_json.flaw_of(text)
