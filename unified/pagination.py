"""Lists in pages that stay put while rows come and go: a signed position instead of an offset."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
MAX_CURSOR = 4096

_SALT = "unified.pagination"
_LIMIT = re.compile(r"[0-9]{1,3}")
_READERS: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "UUID": UUID,
    "int": int,
    "str": str,
}


class KeysetPagination(BasePagination):
    """Pages over one never-null field and, among equals, the primary key.

    The view says what may order it: `ordering_fields` (name to ORM field, turned round by a leading -) and
    `default_ordering` ("-created_at").
    A cursor is good for the list it came from only: same path, caller, order and filters."""

    next_url: str | None = None
    previous_url: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page of model instances, in order; ValidationError names a wrong limit, cursor or ordering."""
        limit = _limit(request)
        field, descending = self._ordering(request, view)
        self._request = request
        self._list = _fingerprint(request, field, descending)
        position, backwards = self._position(_single(request, "cursor"))
        rows = _slice(queryset, field, descending is not backwards, position, limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        if backwards:
            rows.reverse()
        if rows:
            has_next, has_previous = (True, more) if backwards else (more, position is not None)
            self.next_url = self._url(rows[-1], field, backwards=False) if has_next else None
            self.previous_url = self._url(rows[0], field, backwards=True) if has_previous else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.next_url, "previous": self.previous_url})

    def _ordering(self, request: Request, view: Any) -> tuple[str, bool]:
        allowed: Mapping[str, str] = view.ordering_fields
        asked = _single(request, "ordering")
        name = view.default_ordering if asked is None else asked
        field = allowed.get(name.removeprefix("-"))
        if field is None:
            raise _refusal("ordering", f"Must be one of: {', '.join(allowed)}; a leading - reverses.")
        return field.removeprefix("-"), name.startswith("-") is not field.startswith("-")

    def _position(self, cursor: str | None) -> tuple[tuple[Any, Any] | None, bool]:
        if cursor is None:
            return None, False
        try:
            if len(cursor) > MAX_CURSOR:
                raise signing.BadSignature
            listed, backwards, value, pk = signing.loads(cursor, salt=_SALT)
            if listed != self._list:
                raise signing.BadSignature
            return (_thaw(value), _thaw(pk)), bool(backwards)
        except (signing.BadSignature, ValueError, TypeError, KeyError):
            raise _refusal("cursor", "Is not a cursor of this list.") from None

    def _url(self, row: Model, field: str, *, backwards: bool) -> str:
        place = [self._list, int(backwards), _freeze(_value(row, field)), _freeze(row.pk)]
        params = self._request.query_params.copy()
        params["cursor"] = signing.dumps(place, salt=_SALT, compress=True)
        return str(self._request.build_absolute_uri(f"?{params.urlencode()}"))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        parameters = [
            _parameter("limit", "Items on a page.", limit),
            _parameter("cursor", "Where to go on, from `next` or `previous`.", {"type": "string"}),
        ]
        names = list(getattr(view, "ordering_fields", {}))
        if len(names) > 1:
            choices = [*names, *(f"-{name}" for name in names)]
            schema = {"type": "string", "enum": choices, "default": view.default_ordering}
            parameters.append(_parameter("ordering", "The order; a leading `-` reverses it.", schema))
        return parameters


def _slice(
    queryset: QuerySet[Any], field: str, descending: bool, position: tuple[Any, Any] | None, size: int
) -> list[Any]:
    sign, word = ("-", "lt") if descending else ("", "gt")
    if position is not None:
        value, pk = position
        # The first condition says nothing new; it is the one an index can start from.
        queryset = queryset.filter(
            Q(**{f"{field}__{word}e": value}), Q(**{f"{field}__{word}": value}) | Q(**{f"pk__{word}": pk})
        )
    return list(queryset.order_by(f"{sign}{field}", f"{sign}pk")[:size])


def _limit(request: Request) -> int:
    text = _single(request, "limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise _refusal("limit", f"Must be a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _single(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise _refusal(name, "Given more than once.", code="repeated_parameter")
    return values[0] if values else None


def _fingerprint(request: Request, field: str, descending: bool) -> str:
    filters = sorted((name, values) for name, values in request.query_params.lists() if name not in {"cursor", "limit"})
    # An app's caller is named by user_id, among the filters; a browser's by its session.
    caller = str(getattr(request.user, "pk", None))
    identity = json.dumps([request.path, caller, field, descending, filters])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _value(row: Any, field: str) -> Any:
    for name in field.split("__"):
        row = getattr(row, name)
    return row


def _freeze(value: Any) -> list[Any]:
    kind = type(value).__name__
    if kind not in _READERS:
        raise TypeError(f"Lists cannot be ordered by values of type {kind}.")
    return [kind, value if kind == "int" else value.isoformat() if isinstance(value, date) else str(value)]


def _thaw(frozen: Any) -> Any:
    kind, value = frozen
    return _READERS[kind](value)


def _refusal(name: str, detail: str, code: str = "invalid") -> ValidationError:
    return ValidationError({name: [ErrorDetail(detail, code=code)]})


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
