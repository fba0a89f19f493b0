"""JSON as strangers send it: one reading of every document, or a refusal that names the place.

Knows no request and no model; the request parser and the serializers both stand on it."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError

MAX_DEPTH = 32
MAX_TOKENS = 250_000
LARGEST_INTEGER = 2**63 - 1

# A string (unterminated ones run to the end, so that the scan stays linear) or one structural character.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Unfit(str):
    """Stands for a number that cannot be carried, until the place where it stood is known; says why."""

    __slots__ = ()


def decode(raw: bytes) -> str:
    """The text of a body: UTF-8 without a byte order mark, or ParseError."""
    if raw.startswith(b"\xef\xbb\xbf"):
        raise ParseError("The body starts with a byte order mark; send plain UTF-8.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not valid UTF-8 (byte {error.start}).") from None


def loads(text: str) -> Any:
    """The document: every key once, every number finite and within 64 bits, every string storable.

    Raises ParseError for what is not JSON and ValidationError, naming the field, for what is but cannot be used."""
    _check_shape(text)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_once_each,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_small_enough,
        )
    except json.JSONDecodeError as error:
        raise ParseError(f"Not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    for path, value in strings_in(document):
        flaw = flaw_of(value)
        if flaw is not None:
            raise ValidationError({path: [flaw]})
    return document


def flaw_of(text: str) -> ErrorDetail | None:
    """Why a string cannot be stored on every database, or None when it can."""
    if isinstance(text, _Unfit):
        return ErrorDetail(str(text), code="invalid_number")
    if "\x00" in text:
        return ErrorDetail("Contains a NUL character.", code="invalid_text")
    if not text.isascii() and _SURROGATE.search(text):
        return ErrorDetail("Contains half of a surrogate pair, which is not a character.", code="invalid_text")
    return None


def shown(name: object) -> str:
    """A name from outside, short and printable enough to be repeated in an answer."""
    return str(name).encode("ascii", "backslashreplace").decode("ascii").replace("\x00", "\\x00")[:100]


def strings_in(document: Any) -> Iterator[tuple[str, str]]:
    """Every string of a document, keys included, with its dotted path."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for key, item in value.items():
                below = _below(path, key)
                yield below, key
                waiting.append((below, item))
        elif isinstance(value, list):
            waiting.extend((_below(path, index), item) for index, item in enumerate(value))


def depth_of(document: Any) -> int:
    """How many objects and lists stand inside each other; a bare value is 0."""
    deepest, level = 0, [document]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        deepest += 1
        level = [item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer)]
    return deepest


def _below(path: str, key: object) -> str:
    return f"{path}.{shown(key)}" if path else shown(key)


def _check_shape(text: str) -> None:
    """Depth and number of tokens, before the decoder spends stack or memory on them."""
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(text)):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ParseError(f"The document is nested deeper than {MAX_DEPTH} levels.")
        elif first in "]}":
            depth -= 1
        if count >= MAX_TOKENS:
            raise ParseError(f"The document has more than {MAX_TOKENS} parts.")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValidationError({shown(key): [ErrorDetail("Given more than once.", code="duplicate_field")]})
            seen.add(key)
    return found


def _refuse_constant(name: str) -> _Unfit:
    return _Unfit(f"{name} is not a JSON number.")


def _finite(digits: str) -> float | _Unfit:
    number = float(digits)
    return number if math.isfinite(number) else _Unfit("The number is too large to be represented.")


def _small_enough(digits: str) -> int | _Unfit:
    # Long digits are not converted at all: that takes quadratic time, and Python refuses past 4,300.
    number = int(digits) if len(digits) <= 20 else LARGEST_INTEGER + 1
    return number if abs(number) <= LARGEST_INTEGER else _Unfit("The integer does not fit into 64 bits.")
