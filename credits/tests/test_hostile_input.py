"""What strangers send to the ledger: each wrong value is refused by the name of its field, and nothing is written."""

import pytest

from credits import services

API = "/api/unified"

NUL, SURROGATE = r'"a\u0000b"', r'"a\ud800b"'
NOT_TEXT = ["5", "true", "null", "[]", "{}", NUL, SURROGATE, r'"a\nb"', r'"\u0007"']
NUMBERS = ['"5"', "5.0", "5.5", "1e1", "true", "null", "[]", "{}", "[5]", '""', '"٥"', "-9223372036854775807"]
AMOUNT = [*NUMBERS, "0", "-1", "1000001"]
SECONDS = [*NUMBERS, "0", "-1", "86401"]
USER_ID = [*NOT_TEXT, '""', '"a b"', '"a/b"', '"é"', f'"{"x" * 129}"', '["alice"]', '{"alice": 1}']
DESCRIPTION = [*NOT_TEXT, f'"{"x" * 501}"']
REASON = [*DESCRIPTION, '""']
OPERATION = [*NOT_TEXT, '""', f'"{"x" * 61}"', '"no_such_thing"']
CODE = [*NOT_TEXT, '""', '"ABC"', '"ABC2345"']
BOOLEAN = ['"true"', "1", "0", "null", "[]", '"yes"']
TIME = ['"tomorrow"', "5", "null", '"2030-01-01"', '"2030-01-01T00:00:00"', '"2030-13-01T00:00:00Z"']
TIME += ['"2001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-23:59"', NUL]
USER_IDS = ['"alice"', "[]", "null", "[5]", '["a b"]', '["bob", "bob"]', f"[{NUL}]"]
USER_IDS += ["[" + ",".join(f'"u{number}"' for number in range(1001)) + "]"]

ALICE, PENORA = {"user_id": '"alice"'}, {"app_name": '"penora"'}
BY_BOOK = {"operation": '"page_generation"', "quantity": "2"}
BY_BOOK_WRONG = {"operation": OPERATION, "quantity": [*AMOUNT, "1000000000"], "amount": ["1"]}
# Path, a body that is accepted, and for each field the values that are not.
ENDPOINTS = [
    (
        "deduct-credits",
        {**ALICE, **PENORA, "amount": "1", "description": '"x"', "project_code": '"ABC234"'},
        {"user_id": USER_ID, "amount": AMOUNT, "description": DESCRIPTION, "project_code": CODE, "app_name": NOT_TEXT},
    ),
    ("deduct-credits", {**ALICE, **PENORA, **BY_BOOK}, BY_BOOK_WRONG),
    (
        "holds",
        {**ALICE, **PENORA, "amount": "1", "description": '"x"', "storage_bytes": "0", "ttl_seconds": "60"},
        {
            "user_id": USER_ID,
            "app_name": NOT_TEXT,
            "amount": AMOUNT,
            "description": DESCRIPTION,
            "storage_bytes": [*NUMBERS, "-1", "1073741825"],
            "ttl_seconds": SECONDS,
        },
    ),
    ("holds", {**ALICE, **PENORA, **BY_BOOK}, BY_BOOK_WRONG),
    (
        "hold/{hold}/capture",
        {**ALICE, "amount": "1", "final": "false", "description": '"x"', "project_code": '"ABC234"'},
        {
            "user_id": USER_ID,
            "amount": [*AMOUNT, "6"],
            "final": BOOLEAN,
            "description": DESCRIPTION,
            "project_code": CODE,
        },
    ),
    ("hold/{hold}/release", ALICE, {"user_id": USER_ID}),
    ("hold/{hold}/extend", {**ALICE, "ttl_seconds": "60"}, {"user_id": USER_ID, "ttl_seconds": SECONDS}),
    (
        "transaction/{paid}/refund",
        {**ALICE, "amount": "1", "reason": '"x"'},
        {"user_id": USER_ID, "amount": AMOUNT, "reason": REASON},
    ),
    ("estimate", {**ALICE, **BY_BOOK}, {"user_id": USER_ID, "operation": OPERATION, "quantity": AMOUNT}),
    (
        "give-bonus-credits",
        {**ALICE, "amount": "1", "reason": '"x"', "expires_at": '"2099-01-01T00:00:00Z"'},
        {"user_id": USER_ID, "amount": AMOUNT, "reason": REASON, "expires_at": TIME},
    ),
    (
        "give-bonus-credits",
        {"user_ids": '["alice", "bob"]', "amount": "1", "reason": '"x"'},
        {"user_ids": USER_IDS},
    ),
    ("give-bonus-credits", {"all_users": "true", "amount": "1", "reason": '"x"'}, {"all_users": [*BOOLEAN, "false"]}),
]
GOOD = [(path, good) for path, good, _ in ENDPOINTS]
WRONG = [
    pytest.param(path, good, field, value, id=f"{path}-{field}-{ascii(value)[:24]}")
    for path, good, fields in ENDPOINTS
    for field, values in fields.items()
    for value in values
]


@pytest.fixture
def names(alice, bob, penora):
    services.wallet_of(user=bob)
    return {
        "paid": services.charge(user=alice, app=penora, amount=5).id,
        "hold": services.hold(user=alice, app=penora, amount=5).id,
    }


def raw(fields):
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}").encode()


def post(api, path, names, body):
    return api.post(f"{API}/{path.format(**names)}", body, content_type="application/json")


def fields_of(answer):
    """The fields that a problem names."""
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    return {error["field"].split(".")[0] for error in answer.json()["errors"]}


@pytest.mark.parametrize(("path", "good"), GOOD)
def test_a_right_body_is_accepted(penora_api, names, path, good):
    answer = post(penora_api, path, names, raw(good))
    assert answer.status_code in {200, 201}, answer.content


@pytest.mark.parametrize(("path", "good", "field", "value"), WRONG)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(penora_api, names, stored, path, good, field, value):
    before = stored()
    named = fields_of(post(penora_api, path, names, raw({**good, field: value})))
    # Two ways of saying how much are a conflict that is named after the second of them.
    assert field in named or (field == "amount" and "operation" in good and named == {"operation"})
    assert stored() == before


@pytest.mark.parametrize(("path", "good"), GOOD)
def test_an_unknown_field_is_refused_by_name(penora_api, names, stored, path, good):
    before = stored()
    assert fields_of(post(penora_api, path, names, raw({**good, "amuont": "1"}))) == {"amuont"}
    assert stored() == before


@pytest.mark.parametrize(("path", "good"), GOOD)
def test_a_field_given_twice_is_refused_by_name(penora_api, names, stored, path, good):
    before = stored()
    name, value = next(iter(good.items()))
    body = raw(good)[:-1] + f', "{name}": {value}}}'.encode()
    assert fields_of(post(penora_api, path, names, body)) == {name}
    assert stored() == before


REQUIRED = {"user_id", "app_name", "reason"}


@pytest.mark.parametrize(
    ("path", "good", "field"),
    [(path, good, field) for path, good in GOOD if path != "estimate" for field in sorted(REQUIRED.intersection(good))],
)
def test_a_missing_field_is_refused_by_name(penora_api, names, stored, path, good, field):
    before = stored()
    body = raw({name: value for name, value in good.items() if name != field})
    assert fields_of(post(penora_api, path, names, body)) == {field}
    assert stored() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b"null",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"user_id": "alice", "amount": 99999999999999999999999, "app_name": "penora"}',
        b'{"user_id": "alice", "amount": NaN, "app_name": "penora"}',
        b'{"user_id": "alice", "amount": 1e999, "app_name": "penora"}',
        b'{"user_id": "al\x00ice", "amount": 1, "app_name": "penora"}',
    ],
    ids=lambda body: ascii(body[:24]),
)
@pytest.mark.parametrize("path", sorted({path for path, _ in GOOD}))
def test_what_is_no_json_object_is_refused(penora_api, names, stored, path, body):
    before = stored()
    answer = post(penora_api, path, names, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert stored() == before


def test_another_media_type_is_refused(penora_api, names, stored):
    before = stored()
    answer = penora_api.post(f"{API}/deduct-credits", "user_id=alice", content_type="text/plain")
    assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")
    assert stored() == before


@pytest.mark.parametrize("id", ["x", "hold_0", "txn_" + "0" * 36, "_", "A" * 40])
def test_an_id_that_names_nothing_is_not_found(penora_api, names, stored, id):
    before = stored()
    asked = [
        post(penora_api, f"hold/{id}/{action}", names, b'{"user_id": "alice"}') for action in ("capture", "release")
    ]
    asked.append(post(penora_api, f"transaction/{id}/refund", names, b'{"user_id": "alice", "reason": "x"}'))
    asked.append(penora_api.get(f"{API}/hold/{id}", {"user_id": "alice"}))
    assert [answer.json()["code"] for answer in asked] == ["not_found"] * 4
    assert stored() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("limit", value) for value in ("0", "101", "-1", "1.0", "٥", "", "1_0", "ten")),
        *(("cursor", value) for value in ("", "x", "\x00", "a" * 5000)),
        *(("transaction_type", value) for value in ("", "gift", "USED", "\x00")),
        *(("project_code", value) for value in ("", "ABC", "ABC2345", "ABC23\x00")),
        *(("app_name", value) for value in ("", "x" * 41, "\x00")),
        *(("created_after", value) for value in ("", "today", "2030-01-01", "2030-01-01T00:00:00", "0000-00-00")),
        *(("created_before", value) for value in ("", "99999-01-01T00:00:00Z", "\x00")),
        *(("user_id", value) for value in ("", "a b", "x" * 129, "\x00")),
        *(("ordering", "amount"), ("offset", "5"), ("user", "alice")),
    ],
)
def test_a_wrong_parameter_of_history_is_refused_by_name(penora_api, names, field, value):
    answer = penora_api.get(f"{API}/transactions", {"user_id": "alice", field: value})
    assert field in fields_of(answer)
