"""The field types of the whole API: each takes exactly one JSON type, and converts nothing silently."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from django.core.validators import ProhibitNullCharactersValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from accounts.strict_json import LARGEST_INTEGER, depth_of, flaw_of, strings_in

LARGEST_AMOUNT = 1_000_000

_USER_ID = re.compile(r"[A-Za-z0-9._@:-]{1,128}")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
_DIGITS = re.compile(r"[0-9]{1,9}")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_EMBEDDINGS, _ISOLATES, _OVERRIDES = "\u202a\u202b", "\u2066\u2067\u2068", "\u202d\u202e"
_LETTER_BY_LETTER = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)


def reorders(text: str) -> bool:
    """Whether a line makes itself, or what stands after it, read in another order than it is written in.

    That is an override, as in a name that seems to end in another file type, and an embedding or isolate that is not
    closed. Those that are closed, and the marks LRM, RLM and ALM, are how scripts of both directions are written."""
    opened = []
    for mark in _REORDERING.findall(text):
        if mark in _OVERRIDES:
            return True
        if mark in _EMBEDDINGS + _ISOLATES:
            opened.append("\u202c" if mark in _EMBEDDINGS else "\u2069")
        elif not opened or opened.pop() != mark:
            return True
    return bool(opened)


def in_order(text: str) -> str:
    """A line without its marks of order, where it has such as `reorders` tells of: for what was stored elsewhere."""
    return _REORDERING.sub("", text) if reorders(text) else text


class WholeNumber(serializers.IntegerField):
    """A JSON integer: no boolean, no 1.0, no "1"."""

    default_error_messages = {"invalid": "Must be an integer."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        if abs(data) > LARGEST_INTEGER:
            self.fail("max_value", max_value=self.max_value or LARGEST_INTEGER)
        return data


class Amount(WholeNumber):
    """Credits asked for: 1 to 1,000,000."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": LARGEST_AMOUNT, **kwargs})


class Text(serializers.CharField):
    """A JSON string of storable characters; `multiline` allows line breaks and tabs, `trim` drops outer white space.

    The empty string is accepted only with min_length=0."""

    default_error_messages = {
        "invalid": "Must be a string.",
        "control_character": "Contains a control character.",
        "reordering_character": "Contains a mark that changes the order letters are read in, and does not end it.",
    }

    def __init__(
        self, *, max_length: int, min_length: int = 1, multiline: bool = False, trim: bool = False, **kwargs: Any
    ) -> None:
        self.multiline = multiline
        kwargs.setdefault("allow_blank", min_length == 0)
        super().__init__(max_length=max_length, min_length=min_length or None, trim_whitespace=trim, **kwargs)
        # Checked below in one go: letter by letter, DRF takes half a second for the largest picture.
        self.validators = [check for check in self.validators if not isinstance(check, _LETTER_BY_LETTER)]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Before CharField's own look at it, which turns numbers into strings to see whether they are blank.
        if isinstance(data, str):
            self._check_characters(data)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data.strip() if self.trim_whitespace else data

    def _check_characters(self, text: str) -> None:
        flaw = flaw_of(text)
        if flaw is not None:
            raise ValidationError([flaw])
        if (_CONTROL_IN_LINES if self.multiline else _CONTROL).search(text):
            self.fail("control_character")
        if not self.multiline and not text.isascii() and reorders(text):
            self.fail("reordering_character")


class _Token(serializers.CharField):
    """A string that matches one pattern from end to end."""

    pattern: re.Pattern[str]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        is_empty, value = self.validate_empty_values(data)
        return value if is_empty else self.to_internal_value(value)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not self.pattern.fullmatch(data):
            self.fail("invalid")
        return data


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._@:-]{1,128}$"})
class UserIdField(_Token):
    """The client apps' own name for a user."""

    pattern = _USER_ID
    default_error_messages = {"invalid": "Must be 1 to 128 characters out of A-Z a-z 0-9 . _ @ : -"}


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"})
class IdempotencyKey(_Token):
    """A client's name for one attempt."""

    pattern = _VISIBLE
    default_error_messages = {"invalid": "Must be 1 to 255 visible ASCII characters."}


class EmailAddress(serializers.EmailField):
    """An email address, lower-cased: two spellings of one mailbox are one user."""

    default_error_messages = {"invalid": "Must be an email address."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 254, "trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or flaw_of(data) is not None:
            self.fail("invalid")
        return data.lower()


class Choice(serializers.ChoiceField):
    """One of a list of words, sent as a string."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            raise ValidationError(
                [ErrorDetail(f"Must be one of: {', '.join(map(str, self.choices))}.", code="invalid_choice")]
            )
        return data


class StrictBoolean(serializers.BooleanField):
    """true or false, nothing that merely looks like it."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictDateTime(serializers.DateTimeField):
    """An RFC 3339 moment with its offset, between 1970 and 9999; comes back in UTC."""

    default_error_messages = {
        "invalid": "Must be an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z.",
        "out_of_range": "Must lie between the years 1970 and 9999.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            self.fail("invalid")
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            self.fail("invalid")
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            self.fail("out_of_range")
        if moment.year < 1970:
            self.fail("out_of_range")
        return moment


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.JSONField):
    """Free data of a client app: an object of at most `max_bytes` (as compact JSON) and `max_depth` levels."""

    default_error_messages = {
        "invalid": "Must be an object.",
        "too_deep": "Is nested deeper than {limit} levels.",
        "too_large": "Is larger than {limit} bytes.",
        "invalid_number": "Contains a number that JSON cannot carry.",
    }

    def __init__(self, *, max_bytes: int = 8192, max_depth: int = 8, **kwargs: Any) -> None:
        self.max_bytes = max_bytes
        self.max_depth = max_depth
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        if depth_of(data) > self.max_depth:
            self.fail("too_deep", limit=self.max_depth)
        flaw = next((flaw for _, text in strings_in(data) if (flaw := flaw_of(text))), None)
        if flaw is not None:
            raise ValidationError([flaw])
        try:
            size = len(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
        except (TypeError, ValueError):
            self.fail("invalid_number")
        if size > self.max_bytes:
            self.fail("too_large", limit=self.max_bytes)
        return data


class DistinctList(serializers.ListField):
    """A list that names nothing twice."""

    default_error_messages = {"not_a_list": "Must be a list of strings.", "duplicate": "Names the same one twice."}

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        named: list[str] = super().to_internal_value(data)
        if len(set(named)) != len(named):
            self.fail("duplicate")
        return named


class TagList(DistinctList):
    """At most 20 different tags of 1 to 50 characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"child": Text(max_length=50, trim=True), "max_length": 20, **kwargs})


class QueryInteger(serializers.IntegerField):
    """A query parameter of one to nine plain digits."""

    default_error_messages = {"invalid": "Must be a whole number in plain digits."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str) or not _DIGITS.fullmatch(data):
            self.fail("invalid")
        return int(data)


class QueryBoolean(serializers.BooleanField):
    """A query parameter spelled `true` or `false`."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            self.fail("invalid")
        return bool(data == "true")
