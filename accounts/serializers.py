"""The two kinds of input every endpoint takes, bodies and query strings; both refuse by name what they do not know."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.request import Request

from accounts import strict_json
from accounts.fields import (
    Amount,
    Choice,
    DistinctList,
    EmailAddress,
    IdempotencyKey,
    JsonObject,
    QueryBoolean,
    QueryInteger,
    StrictBoolean,
    StrictDateTime,
    TagList,
    Text,
    UserIdField,
    WholeNumber,
)

__all__ = [
    "Amount",
    "Choice",
    "DistinctList",
    "EmailAddress",
    "IdempotencyKey",
    "JsonObject",
    "OrderedPageQuery",
    "PageQuery",
    "QueryBoolean",
    "QueryInteger",
    "QuerySerializer",
    "StrictBoolean",
    "StrictDateTime",
    "StrictSerializer",
    "TagList",
    "Text",
    "UserIdField",
    "WholeNumber",
]

# Fields that read a form's text as it stands; the value of any other field of a form is JSON.
_TEXTUAL = (serializers.CharField, serializers.ChoiceField, serializers.DateTimeField, serializers.FileField)


class StrictSerializer(serializers.Serializer[Any]):
    """A body. An unknown or read-only field is an error of its own name with code `unknown_field`.

    A multipart form's numbers, booleans, lists and objects are read as JSON, by the same rules as in a JSON body."""

    default_error_messages = {"invalid": "Must be an object."}
    unknown_code = "unknown_field"

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):
            data = self._from_form(data)
        unknown = self._unknown(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **unknown}) from None
            raise
        if unknown:
            raise ValidationError(unknown)
        return value

    @cached_property
    def _writable_fields(self) -> list[serializers.Field[Any, Any, Any, Any]]:
        # DRF looks for them anew for every item of a list.
        return [field for field in self.fields.values() if not field.read_only]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(str(field.field_name) for field in self._writable_fields)

    def _unknown(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        refusal = [ErrorDetail("Is not known here.", code=self.unknown_code)]
        return {strict_json.shown(name): refusal for name in data if name not in self._known}

    def _from_form(self, data: QueryDict) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name, value in data.items():
            field = self.fields.get(name)
            plain[name] = value if field is None or isinstance(field, _TEXTUAL) else _json_in_form(name, value)
        return plain


class QuerySerializer(StrictSerializer):
    """A query string: every parameter known, at most once, in UTF-8."""

    unknown_code = "unknown_parameter"

    @classmethod
    def parse(cls, request: Request | HttpRequest, **context: Any) -> dict[str, Any]:
        """The validated parameters of a request, or ValidationError by name; `context` is the serializer's."""
        _check_encoding(request.META.get("QUERY_STRING", ""))
        serializer = cls(data=request.GET, context={"request": request, **context})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _from_form(self, data: QueryDict) -> dict[str, Any]:
        repeated = {
            strict_json.shown(name): [ErrorDetail("Given more than once.", code="repeated_parameter")]
            for name, values in data.lists()
            if len(values) != 1
        }
        if repeated:
            raise ValidationError(repeated)
        return dict(data.items())


class PageQuery(QuerySerializer):
    """What every list takes; the paginator reads the values, this makes them known and well-formed."""

    limit = QueryInteger(required=False, min_value=1, max_value=100, help_text="Items on a page; 25 when left out.")
    cursor = Text(required=False, max_length=4096, help_text="Where to go on, from `next` or `previous`.")


class OrderedPageQuery(PageQuery):
    """A list whose order can be chosen; which names are allowed is the view's `ordering_fields`."""

    ordering = Text(required=False, max_length=64, help_text="A field name; a leading `-` reverses.")


def _json_in_form(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return strict_json.loads(value)
    except (ParseError, ValidationError):
        refusal = ErrorDetail("Must be JSON here, such as true, 5, [...] or {...}.", code="invalid")
        raise ValidationError({strict_json.shown(name): [refusal]}) from None


def _check_encoding(query_string: str) -> None:
    try:
        unquote_to_bytes(query_string).decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("The query string is not valid UTF-8.") from None
