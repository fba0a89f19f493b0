"""What strangers send: every field with what it is not. A problem names the field, and nothing is written."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.models import ClientApp, User
from workspace import services
from workspace.tests.cast import BASE, base64_of, body_of, picture, save

pytestmark = pytest.mark.django_db
NUL, SURROGATE = "a\x00b", "a\ud800b"
DEEP: dict[str, Any] = {}
for _ in range(12):
    DEEP = {"deeper": DEEP}
NOT_TEXT: list[Any] = [None, 5, 1.5, True, [], {}, ["a"], NUL, SURROGATE]
NOT_LINE = [*NOT_TEXT, "", "a\nb", "a\x1bb", "a\u2028b"]
NOT_BOOLEAN: list[Any] = [None, 0, 1, "true", "", [], {}]
NOT_METADATA: list[Any] = [None, 5, True, "{}", [], {"a": NUL}, {NUL: 1}, {"a": [SURROGATE]}, DEEP, {"a": "x" * 8_200}]
NOT_TAGS: list[Any] = [
    *(None, 5, True, "sea", {}, ["a", "a"], ["a", " a "], [""], ["a" * 51], [5], [None], [["a"]], [NUL], ["a\nb"]),
    [str(number) for number in range(21)],
]
NOT_USER_ID = [*NOT_LINE, "a b", "a" * 129, "ä", "a/b", "a\n"]
NOT_AMOUNT: list[Any] = [None, 0, -1, 1.0, 1.5, True, "1", [], {}, 1_000_001, 10**18]
NOT_CHARGE: list[Any] = [None, 5, "5", [], True, {}, {"description": "For free"}]
TITLES = [*NOT_LINE, "   ", "a" * 201]

SAVE_FIELDS: dict[str, list[Any]] = {
    "user_id": NOT_USER_ID,
    "app_source": [*NOT_LINE, "a" * 41],
    "project_type": [*NOT_LINE, "video", "TEXT", "text "],
    "title": TITLES,
    "content": [*NOT_TEXT, "a\x1bb"],
    "metadata": NOT_METADATA,
    "tags": NOT_TAGS,
    "favourite": NOT_BOOLEAN,
    "project_code": [*NOT_LINE, "ABC", "ABCDEFG"],
    "compression": [*NOT_LINE, "brotli", "Auto"],
    "fit": NOT_BOOLEAN,
    "charge": NOT_CHARGE,
    "hold_id": [*NOT_LINE, "a" * 41],
    "file": ["text", 5, None],
}
PATCH_FIELDS: dict[str, list[Any]] = {
    "user_id": NOT_USER_ID,
    "title": TITLES,
    "metadata": NOT_METADATA,
    "tags": NOT_TAGS,
    "favourite": NOT_BOOLEAN,
    "content": [*NOT_TEXT, "a\x1bb"],
}
USER_FIELDS: dict[str, list[Any]] = {
    "user_id": NOT_USER_ID,
    "username": [*NOT_LINE, "  ", "a" * 151],
    "email": [*NOT_LINE, "carol", "@example.com", "carol@", "a b@example.com", "c@example.com\n", f"{'a' * 250}@e.com"],
}


def cases(fields: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, values in fields.items()
        for number, value in enumerate(values)
    ]


def send(api: APIClient, verb: str, path: str, body: Any, **headers: str) -> HttpResponse:
    """Send a body as it is, broken or not."""
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return api.generic(verb, f"{BASE}/{path}", raw, content_type="application/json", **headers)


def is_problem(answer: HttpResponse, *statuses: int) -> dict[str, Any]:
    """The body of a refusal that is complete and says nothing of our insides."""
    assert answer.status_code in statuses, answer.content[:300]
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()  # type: ignore[attr-defined]
    assert set(problem) >= {"type", "title", "status", "detail", "instance", "code"}
    assert problem["status"] == answer.status_code
    assert b"Traceback" not in answer.content
    return problem


def names_field(problem: dict[str, Any], name: str) -> bool:
    return any(error["field"].split(".")[0] == name for error in problem["errors"])


@pytest.fixture
def untouched(alice: User, penora: ClientApp, penora_key: str, imagegene_key: str, stored: Any) -> Any:
    """Alice has one project and both apps their keys; afterwards every row of the product must be what it was."""
    code = save(alice, penora).project.code
    services.hold(user=alice, app=penora, amount=1)
    before = stored()
    yield code
    assert stored() == before


@pytest.mark.parametrize(("name", "value"), cases(SAVE_FIELDS))
def test_save_project_refuses_what_a_field_is_not(untouched, penora_api: APIClient, name: str, value: Any) -> None:
    problem = is_problem(send(penora_api, "POST", "save-project", {**body_of(), name: value}), 400)
    assert names_field(problem, name)


@pytest.mark.parametrize(("name", "value"), cases({"amount": NOT_AMOUNT, "quantity": NOT_AMOUNT}))
def test_save_project_refuses_a_charge_that_is_no_amount(untouched, penora_api, name: str, value: Any) -> None:
    terms = {"operation": "page_generation", "quantity": value} if name == "quantity" else {"amount": value}
    problem = is_problem(send(penora_api, "POST", "save-project", body_of(charge=terms)), 400)
    assert f"charge.{name}" in {error["field"] for error in problem["errors"]}


@pytest.mark.parametrize(
    "terms",
    [
        {"amount": 1, "operation": "page_generation"},
        {"quantity": 2},
        {"operation": "no_such_operation"},
        {"operation": "image_generation"},
        {"amount": 1, "currency": "EUR"},
        {"operation": "page_generation", "quantity": 1_000_000_000},
    ],
)
def test_save_project_refuses_a_charge_that_cannot_be_priced(untouched, penora_api: APIClient, terms) -> None:
    assert is_problem(send(penora_api, "POST", "save-project", body_of(charge=terms)), 400)["errors"]


@pytest.mark.parametrize(("name", "value"), cases(PATCH_FIELDS))
def test_patch_refuses_what_a_field_is_not(untouched: str, penora_api: APIClient, name: str, value: Any) -> None:
    body = {"user_id": "alice", "title": "Good", name: value}
    assert names_field(is_problem(send(penora_api, "PATCH", f"project/{untouched}", body), 400), name)


@pytest.mark.parametrize(("name", "value"), cases(USER_FIELDS))
def test_create_user_refuses_what_a_field_is_not(untouched, penora_api: APIClient, name: str, value: Any) -> None:
    body = {"user_id": "carol", "username": "Carol", "email": "carol@example.com", name: value}
    assert names_field(is_problem(send(penora_api, "POST", "create-user", body), 400), name)


BODIES = {
    ("POST", "save-project"): body_of(),
    ("POST", "create-user"): {"user_id": "carol", "username": "Carol", "email": "carol@example.com"},
    ("PATCH", "project/{}"): {"user_id": "alice", "title": "Good"},
}


@pytest.mark.parametrize(("verb", "path"), BODIES)
@pytest.mark.parametrize("name", ["Title", "id", "user", "version", "file_size_bytes", "__proto__", "ü", "x" * 300, ""])
def test_an_unknown_field_is_refused_by_name(untouched: str, penora_api, verb, path, name: str) -> None:
    body = {**BODIES[verb, path], name: 1}
    problem = is_problem(send(penora_api, verb, path.format(untouched), body), 400)
    assert [error["code"] for error in problem["errors"]] == ["unknown_field"]


@pytest.mark.parametrize(("verb", "path"), BODIES)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"title": }',
        b"\xff\xfe",
        b'{"title": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"title": NaN}',
        b'{"title": 1e999}',
        b'{"title": 1' + b"0" * 5_000 + b"}",
        b'{"title": "a", "title": "b"}',
        b"[" * 100_000,
        b'{"metadata": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}",
        b"<html><script>alert(1)</script></html>",
    ],
)
def test_a_body_that_is_no_object_is_refused(untouched: str, penora_api, verb, path, raw: bytes) -> None:
    is_problem(send(penora_api, verb, path.format(untouched), raw), 400)


@pytest.mark.parametrize("missing", ["user_id", "app_source", "project_type", "title", "content"])
def test_save_project_names_what_is_missing(untouched, penora_api: APIClient, missing: str) -> None:
    problem = is_problem(send(penora_api, "POST", "save-project", body_of(**{missing: None})), 400)
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(missing, "required")]


def test_patch_names_what_is_missing(untouched: str, penora_api: APIClient) -> None:
    for body, name in (({"user_id": "alice"}, "title"), ({"title": "New"}, "user_id"), ({}, "title")):
        assert names_field(is_problem(send(penora_api, "PATCH", f"project/{untouched}", body), 400), name)


BAD_PICTURES = {
    "nothing": (b"", "invalid_image"),
    "text": (b"just words", "unsupported_media"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "unsupported_media"),
    "html": (b"<!doctype html><html><body onload=alert(1)></body></html>", "unsupported_media"),
    "pdf": (b"%PDF-1.7\n%%EOF", "unsupported_media"),
    "truncated": (picture(200, 200)[:-60], "invalid_image"),
    "header": (picture()[:8], "invalid_image"),
    "flipped": (picture()[:60] + bytes(byte ^ 255 for byte in picture()[60:]), "invalid_image"),
    "huge": (picture()[:16] + (60_000).to_bytes(4, "big") * 2 + picture()[24:], "image_too_large"),
}


@pytest.mark.parametrize("kind", BAD_PICTURES)
@pytest.mark.parametrize("way", ["base64", "data url", "file", "patch"])
def test_what_is_no_picture_is_not_stored_as_one(alice, imagegene, imagegene_api, stored, kind: str, way: str) -> None:
    mine = save(alice, imagegene, project_type="image").project.code
    assert imagegene_api.get(f"{BASE}/user-info?user_id=alice").status_code == 200
    before = stored()
    data, code = BAD_PICTURES[kind]
    body = body_of(app_source="imagegene", project_type="image", charge={"amount": 1})
    if way == "patch":
        change = {"user_id": "alice", "content": base64_of(data)}
        answer = send(imagegene_api, "PATCH", f"project/{mine}", change)
    elif way == "file":
        upload = SimpleUploadedFile("picture.png", data, "image/png")
        form = {**body, "content": None, "charge": '{"amount": 1}', "file": upload}
        form = {name: value for name, value in form.items() if value is not None}
        answer = imagegene_api.post(f"{BASE}/save-project", form, format="multipart")
    else:
        head = "data:image/png;base64," if way == "data url" else ""
        answer = send(imagegene_api, "POST", "save-project", {**body, "content": head + base64_of(data)})
    assert is_problem(answer, 400, 413, 415)["code"] == code
    assert stored() == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not base64!",
        base64_of(picture())[:-3],
        base64_of(picture()) + "====",
        base64_of(picture())[:40] + "\n" + base64_of(picture())[40:],
        base64_of(picture()).replace("+", "-").replace("/", "_") + "_",
        "data:image/png," + base64_of(picture()),
        "data:image/png;base64",
        "data:" + "x" * 5_000 + ";base64," + base64_of(picture()),
        "https://example.com/picture.png",
        "file:///etc/passwd",
    ],
)
def test_a_picture_that_is_not_strict_base64_is_refused(untouched, penora_api: APIClient, content: str) -> None:
    body = body_of(project_type="image", content=content)
    problem = is_problem(send(penora_api, "POST", "save-project", body), 400)
    assert problem["code"] == "invalid_image"
    assert "passwd" not in problem["detail"]


def test_a_text_file_that_is_not_utf8_or_has_a_nul_is_refused_by_name(untouched, penora_api: APIClient) -> None:
    for data in (b"\xff\xfe\x00a", b"a\x00b", "ü".encode("latin-1")):
        upload = SimpleUploadedFile("page.txt", data, "text/plain")
        answer = penora_api.post(f"{BASE}/save-project", {**body_of(content=None), "file": upload}, format="multipart")
        assert names_field(is_problem(answer, 400), "file")


def test_content_and_file_together_are_refused(untouched, penora_api: APIClient) -> None:
    upload = SimpleUploadedFile("page.txt", b"words", "text/plain")
    answer = penora_api.post(f"{BASE}/save-project", {**body_of(), "file": upload}, format="multipart")
    assert names_field(is_problem(answer, 400), "content")


@pytest.mark.parametrize(
    ("name", "value"), [("tags", "sea"), ("favourite", "yes"), ("metadata", "{"), ("fit", "1"), ("charge", "5")]
)
def test_a_form_field_that_is_not_its_json_is_refused_by_name(untouched, penora_api, name: str, value: str) -> None:
    upload = SimpleUploadedFile("page.txt", b"words", "text/plain")
    form = {**body_of(content=None), name: value, "file": upload}
    assert names_field(is_problem(penora_api.post(f"{BASE}/save-project", form, format="multipart"), 400), name)


def test_a_text_that_could_never_fit_is_413(untouched, penora_api: APIClient) -> None:
    problem = is_problem(send(penora_api, "POST", "save-project", body_of(content="x" * 524_289)), 413)
    assert (problem["limit_bytes"], problem["size_bytes"]) == (524_288, 524_289)


def test_a_body_that_could_never_fit_is_413(untouched, penora_api: APIClient, settings) -> None:
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    is_problem(send(penora_api, "POST", "save-project", body_of(content="x" * 100_001)), 413)
    upload = SimpleUploadedFile("page.txt", b"x" * 100_001, "text/plain")
    answer = penora_api.post(f"{BASE}/save-project", {**body_of(content=None), "file": upload}, format="multipart")
    is_problem(answer, 413)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "text/json"])
def test_another_media_type_is_415(untouched, penora_api: APIClient, kind: str) -> None:
    answer = penora_api.generic("POST", f"{BASE}/save-project", json.dumps(body_of()), content_type=kind)
    is_problem(answer, 415)


def test_patch_and_create_user_take_no_forms(untouched: str, penora_api: APIClient) -> None:
    is_problem(penora_api.patch(f"{BASE}/project/{untouched}", {"title": "New"}, format="multipart"), 415)
    is_problem(penora_api.post(f"{BASE}/create-user", {"user_id": "carol"}, format="multipart"), 415)


@pytest.mark.parametrize(
    ("verb", "path"),
    [("GET", "save-project"), ("PUT", "project/ABCDEF"), ("POST", "projects"), ("DELETE", "user-info")],
)
def test_another_method_is_405(untouched, penora_api: APIClient, verb: str, path: str) -> None:
    answer = send(penora_api, verb, f"{path}?user_id=alice", "")
    is_problem(answer, 405)
    assert answer["Allow"]


@pytest.mark.parametrize("code", ["abcdef", "ABC", "ABCDEFG", "AB%00CD", "..%2F..%2", "ABCDE%0A", "ABCDEF%0A"])
def test_a_path_that_is_no_code_is_404(untouched, penora_api: APIClient, code: str) -> None:
    is_problem(penora_api.get(f"{BASE}/project/{code}?user_id=alice"), 404)


@pytest.mark.parametrize("header", ["", "stale", '"stale"', 'W/"stale"', "'", '"', ",,,", "\xff", '"' * 5_000])
def test_a_strange_if_match_changes_nothing_or_is_ignored_when_empty(alice, penora, penora_api, header: str) -> None:
    made = save(alice, penora).project
    answer = send(penora_api, "PATCH", f"project/{made.code}", {"user_id": "alice", "title": "N"}, HTTP_IF_MATCH=header)
    assert answer.status_code == (412 if header else 200)


@pytest.mark.parametrize("key", ["", "a b", "ü", "a" * 256, "a\tb"])
def test_a_strange_idempotency_key_is_refused_by_name(untouched, penora_api: APIClient, key: str) -> None:
    answer = send(penora_api, "POST", "save-project", body_of(), HTTP_IDEMPOTENCY_KEY=key)
    assert names_field(is_problem(answer, 400), "Idempotency-Key")


@pytest.mark.parametrize("permanent", ["", "1", "yes", "TRUE", "true&permanent=true"])
def test_a_delete_that_is_not_clearly_permanent_deletes_nothing(untouched: str, penora_api, permanent: str) -> None:
    answer = penora_api.delete(f"{BASE}/project/{untouched}?user_id=alice&permanent={permanent}")
    assert names_field(is_problem(answer, 400), "permanent")
