"""What the strict fields and serializers take, and what they refuse by name."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError, ValidationError

from accounts import strict_json
from accounts.serializers import (
    Amount,
    Choice,
    EmailAddress,
    IdempotencyKey,
    JsonObject,
    PageQuery,
    QueryBoolean,
    QueryInteger,
    StrictBoolean,
    StrictDateTime,
    StrictSerializer,
    TagList,
    Text,
    UserIdField,
)


class Charge(StrictSerializer):
    amount = Amount()


class Order(StrictSerializer):
    user_id = UserIdField()
    charge = Charge(required=False)
    fit = StrictBoolean(default=False)
    tags = TagList(required=False)
    receipt = serializers.CharField(read_only=True)


class Listing(PageQuery):
    user_id = UserIdField()
    pages = QueryInteger(required=False, max_value=500)
    favourite = QueryBoolean(required=False)


def nested(levels):
    document = {}
    for _ in range(levels - 1):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("field", "value", "result"),
    [
        (Amount(), 1, 1),
        (Amount(), 1_000_000, 1_000_000),
        (UserIdField(), "a.B_9@x:y-z", "a.B_9@x:y-z"),
        (UserIdField(), "x" * 128, "x" * 128),
        (Text(max_length=5), " é ", " é "),
        (Text(max_length=5, trim=True), " é ", "é"),
        (Text(max_length=9, multiline=True), "a\r\n\tb", "a\r\n\tb"),
        (Text(max_length=5, min_length=0), "", ""),
        (Text(max_length=1), "😀", "😀"),
        (StrictBoolean(), False, False),
        (StrictDateTime(), "2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        (StrictDateTime(), "1970-01-01t00:00:00.5z", datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        (EmailAddress(), "Ann@Example.ORG", "ann@example.org"),
        (JsonObject(), {"a": [1, None, "é"]}, {"a": [1, None, "é"]}),
        (JsonObject(), nested(8), nested(8)),
        (TagList(), [" red ", "blue"], ["red", "blue"]),
        (IdempotencyKey(), "!~" * 127, "!~" * 127),
        (Choice(choices=["text", "image"]), "text", "text"),
        (QueryInteger(), "042", 42),
        (QueryBoolean(), "true", True),
        (QueryBoolean(), "false", False),
    ],
)
def test_takes_a_well_formed_value(field, value, result):
    assert field.run_validation(value) == result


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        *((Amount(), value, "invalid") for value in (True, 1.0, 1.5, "1", "1_000", "\u0665", [], {})),
        (Amount(), 0, "min_value"),
        (Amount(), -5, "min_value"),
        (Amount(), 1_000_001, "max_value"),
        (Amount(), 10**400, "max_value"),
        (Amount(), None, "null"),
        *((UserIdField(), value, "invalid") for value in ("", "a b", "a\n", "é", "x" * 129, 7, True, "a/b", "a\x00")),
        *((Text(max_length=5), value, "invalid") for value in (5, True, 1.5, [], {})),
        (Text(max_length=5), "", "blank"),
        (Text(max_length=5, trim=True), "  ", "blank"),
        (Text(max_length=5), "abcdef", "max_length"),
        (Text(max_length=5, min_length=3), "ab", "min_length"),
        (Text(max_length=5), "a\x00", "invalid_text"),
        (Text(max_length=5), "\ud800", "invalid_text"),
        (Text(max_length=5), "a\nb", "control_character"),
        (Text(max_length=5, multiline=True), "a\x1bb", "control_character"),
        (Text(max_length=5), "a\u202eb", "reordering_character"),
        (Text(max_length=5), "a\u202db\u202c", "reordering_character"),
        (Text(max_length=5), "a\u2067b", "reordering_character"),
        (Text(max_length=5), "a\u202ab\u2069", "reordering_character"),
        (Text(max_length=5), "a\u2069\u2066", "reordering_character"),
        (Text(max_length=5), "a\u202c", "reordering_character"),
        *((StrictBoolean(), value, "invalid") for value in ("true", 1, 0, "", [])),
        *(
            (StrictDateTime(), value, "invalid")
            for value in (
                "2026-01-31T12:00:00",
                "2026-01-31",
                "2026-02-30T00:00:00Z",
                "2026-01-31T25:00:00Z",
                "2026-01-31T12:00:00+99:00",
                "\uff12026-01-31T12:00:00Z",
                "2026-01-31T12:00:00Z\n",
                1769860800,
            )
        ),
        (StrictDateTime(), "1970-01-01T00:00:00+01:00", "out_of_range"),
        (StrictDateTime(), "9999-12-31T23:59:59-01:00", "out_of_range"),
        *((EmailAddress(), value, "invalid") for value in ("ann", "a b@example.org", 5, "a@b\x00.org", "\udfff@b.org")),
        (EmailAddress(), "a" * 250 + "@example.org", "max_length"),
        *((JsonObject(), value, "invalid") for value in ([], "{}", 5, True)),
        (JsonObject(), nested(9), "too_deep"),
        (JsonObject(), {"a": "x" * 8192}, "too_large"),
        (JsonObject(), {"a": float("inf")}, "invalid_number"),
        (JsonObject(), {"a": {"\x00": 1}}, "invalid_text"),
        *((TagList(), value, "not_a_list") for value in ("red", {"red": 1}, 5)),
        (TagList(), ["red", " red"], "duplicate"),
        (TagList(), [str(n) for n in range(21)], "max_length"),
        *((IdempotencyKey(), value, "invalid") for value in ("", "a b", "é", "x" * 256, 5, "a\n")),
        *((Choice(choices=["text"]), value, "invalid_choice") for value in ("image", 5, ["text"], "")),
        *(
            (QueryInteger(), value, "invalid")
            for value in ("", "-1", "+1", "1_0", "\u0665", "1.0", "1e3", " 1", "1" * 10)
        ),
        *((QueryBoolean(), value, "invalid") for value in ("True", "1", "", "yes")),
    ],
)
def test_refuses_a_wrong_value_with_a_code(field, value, code):
    with pytest.raises(ValidationError) as refusal:
        field.run_validation(value)
    assert refusal.value.get_codes() == [code]


def test_names_the_tag_that_is_wrong():
    with pytest.raises(ValidationError) as refusal:
        TagList().run_validation(["red", 5, "x" * 51])
    codes: Any = refusal.value.get_codes()
    assert codes == {1: ["invalid"], 2: ["max_length"]}


def test_refuses_unknown_and_read_only_fields_by_name_next_to_other_errors():
    order = Order(data={"user_id": 5, "receipt": "r", "amuont": 3, "charge": {"amount": 1, "x\x00\ud800": 1}})
    assert not order.is_valid()
    assert order.errors["user_id"][0].code == "invalid"
    assert order.errors["receipt"][0].code == "unknown_field"
    assert order.errors["amuont"][0].code == "unknown_field"
    assert order.errors["charge"] == {"x\\x00\\ud800": ["Is not known here."]}
    assert set(order.errors) == {"user_id", "receipt", "amuont", "charge"}


@pytest.mark.parametrize("body", [[], "text", 5])
def test_refuses_a_body_that_is_no_object(body):
    assert not Order(data=body).is_valid()


def test_reads_numbers_and_objects_of_a_form_as_json():
    form = QueryDict("user_id=5&fit=true&tags=[%22a%22]&charge={%22amount%22:3}")
    order = Order(data=form)
    order.is_valid(raise_exception=True)
    assert order.validated_data == {"user_id": "5", "fit": True, "tags": ["a"], "charge": {"amount": 3}}


@pytest.mark.parametrize("value", ["True", "", "[[", '{"amount":1,"amount":2}', '{"amount":NaN}'])
def test_refuses_a_form_value_that_is_not_strict_json(value):
    form = QueryDict(mutable=True)
    form.update({"user_id": "a", "charge": value})
    order = Order(data=form)
    assert not order.is_valid()
    assert list(order.errors) == ["charge"]


def listing(query):
    return Listing.parse(RequestFactory().get("/", QUERY_STRING=query))


def test_parses_a_query_string_into_typed_values():
    assert listing("user_id=a&pages=12&favourite=true&limit=5&cursor=x") == {
        "user_id": "a",
        "pages": 12,
        "favourite": True,
        "limit": 5,
        "cursor": "x",
    }


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("user_id=a&user_idd=b", "user_idd", "unknown_parameter"),
        ("user_id=a&user_id=a", "user_id", "repeated_parameter"),
        ("user_id=a&limit=%D9%A5", "limit", "invalid"),
        ("user_id=a&limit=1_0", "limit", "invalid"),
        ("user_id=a&limit=0", "limit", "min_value"),
        ("user_id=a&limit=101", "limit", "max_value"),
        ("user_id=a&favourite=1", "favourite", "invalid"),
        ("user_id=a&cursor=%00", "cursor", "invalid_text"),
        ("limit=1", "user_id", "required"),
        ("user_id=", "user_id", "invalid"),
    ],
)
def test_refuses_a_wrong_query_parameter_by_name(query, field, code):
    with pytest.raises(ValidationError) as refusal:
        listing(query)
    assert refusal.value.get_codes() == {field: [code]}


def test_refuses_a_query_string_that_is_not_utf8():
    with pytest.raises(ParseError):
        listing("user_id=%ff")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 33 + "1" + "}" * 33,
        "[" + "1," * 250_001 + "1]",
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":1e400}',
        '{"a":-1e400}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":9223372036854775808}',
        r'{"a":"\ud800"}',
        r'{"\udfff":1}',
        r'{"a":["x","\u0000"]}',
        '{"a":"\x00"}',
        '"' + '\\"' * 500_000,
        "",
        "{",
        "{}}",
        "{'a':1}",
        "\ufeff{}",
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_refuses_hostile_json(text):
    with pytest.raises(APIException) as refusal:
        strict_json.loads(text)
    assert refusal.value.status_code == 400


def test_names_the_place_of_a_string_that_cannot_be_stored():
    with pytest.raises(ValidationError) as refusal:
        strict_json.loads(r'{"items":[{"ok":"\ud83d\ude00"},{"title":"\ud800"}]}')
    assert refusal.value.get_codes() == {"items.1.title": ["invalid_text"]}


def test_reads_ordinary_json_as_python_does():
    text = json.dumps({"a": [1, -2.5, None, True, '[{"\\'], "b": {"c": "é😀"}, "d": 2**63 - 1})
    assert strict_json.loads(text) == json.loads(text)


@pytest.mark.parametrize("user_id", ["a", "A.b_c@d:e-9", "x" * 128])
def test_a_user_id_is_short_and_plain(user_id):
    assert UserIdField().run_validation(user_id) == user_id


@pytest.mark.parametrize("user_id", ["", "x" * 129, "a b", "a/b", "é", "a\n", "a\x00"])
def test_any_other_user_id_is_refused(user_id):
    with pytest.raises(ValidationError):
        UserIdField().run_validation(user_id)
