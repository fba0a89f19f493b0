"""The OpenAPI document: valid, complete, and true of what is really asked and answered."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from rest_framework.test import APIClient

from accounts import events, feed, webhooks
from accounts.errors import DomainError, InvalidField
from unified.problem_codes import PROBLEM_CODES
from unified.reference import document
from unified.schema_examples import EXAMPLES
from workspace.tests.cast import base64_of, picture

pytestmark = pytest.mark.django_db
BASE = "/api/unified/"


def faults(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value by a schema of the document."""
    whole = {**schema, "components": document()["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    return document()["components"]["responses"][node["$ref"].split("/")[-1]] if "$ref" in node else node


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def operation_for(method: str, path: str) -> dict[str, Any]:
    for candidate, template, operation in operations():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if candidate == method and re.fullmatch(pattern, path):
            return operation
    raise AssertionError(f"{method} {path} is not documented")


def conforming(api: APIClient, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    """Make a real call; its body and its answer must be what the document says."""
    operation = operation_for(method, BASE + path.split("?")[0])
    extra = {"format": "json"} if body is not None else {}
    answer = getattr(api, method)(BASE + path, body, headers=headers, **extra)
    if body is not None and answer.status_code < 400:
        assert faults(body, operation["requestBody"]["content"]["application/json"]["schema"]) == []
    documented = resolved(operation["responses"][str(answer.status_code)])
    media_type = answer.headers["Content-Type"].split(";")[0]
    kinds = documented["content"]
    content = kinds.get(media_type) or kinds[media_type.split("/")[0] + "/*"]
    if media_type.endswith("json"):
        assert faults(json.loads(answer.content), content["schema"]) == []
    return answer


def test_generates_without_a_warning_and_is_valid(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))
    assert (tmp_path / "openapi.yaml").read_text().startswith("openapi: 3.1")


def test_documents_every_route_without_a_trailing_slash() -> None:
    from unified.urls import api

    documented = {path.removeprefix(BASE) for _, path, _ in operations()}
    routes = {re.sub(r"\(\?P<(\w+)>.*?\)", r"{\1}", str(route.pattern))[1:-3] for route in api}
    assert documented == {route.replace("{hold_id}", "{hold_id}") for route in routes}
    assert all(not path.endswith("/") for path in documented)


def test_every_operation_says_who_may_call_and_what_it_refuses() -> None:
    found = list(operations())
    assert len(found) >= 20
    for _, path, operation in found:
        assert operation["security"], path
        assert {"400", "401", "403", "429", "500"} <= operation["responses"].keys(), path
        assert ("{" in path) <= ("404" in operation["responses"]), path
    keyed = {operation["operationId"] for method, _, operation in found if "Idempotency-Key" in str(operation)}
    assert {"create_user", "deduct_credits", "save_project", "refund", "capture_hold"} <= keyed


def test_every_operation_of_the_report_has_examples_that_fit_their_schemas() -> None:
    checked = set()
    for _, _, operation in operations():
        bodies = [("request", operation["requestBody"])] if "requestBody" in operation else []
        bodies += [(status, resolved(answer)) for status, answer in operation["responses"].items()]
        for place, body in bodies:
            for media_type, content in body.get("content", {}).items():
                if "example" in content and media_type.endswith("json"):
                    assert faults(content["example"], content["schema"]) == [], (operation["operationId"], place)
                    checked.add((operation["operationId"], place))
    recorded = json.loads(EXAMPLES.read_text())["operations"]
    expected = {(name, status) for name, known in recorded.items() for status in known["responses"]}
    expected |= {(name, "request") for name, known in recorded.items() if "request" in known}
    # Bytes are of no schema.
    expected = {(name, place) for name, place in expected if name not in {"project_content", "project_thumbnail"}}
    assert len(expected) > 30
    assert expected <= checked


def below(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in error.__subclasses__():
        yield child
        yield from below(child)


def test_every_refusal_in_the_code_is_in_the_table_with_its_status() -> None:
    table = {row.code: row.status for row in PROBLEM_CODES}
    raised = {error.code: error.status for error in below(DomainError)}
    assert len(raised) > 10
    assert raised.items() <= table.items()
    assert len(table) == len(PROBLEM_CODES)


def test_a_code_has_one_title_wherever_it_is_raised(alice: Any, penora_api: APIClient) -> None:
    # RFC 9457, 3.1.3. Codes that DRF raises as well carry the phrase of their status.
    ours = [error for error in below(DomainError) if ".tests." not in error.__module__]
    titles = {(error.code, error.title) for error in ours}
    assert len(titles) == len({code for code, _ in titles}) > 10
    missing = [penora_api.get(f"/api/unified/{path}").json() for path in ("nowhere", "hold/none?user_id=alice")]
    assert [(error["code"], error["title"]) for error in missing] == [("not_found", "Not Found")] * 2
    assert (InvalidField.code, InvalidField.title) == ("invalid_request", "Bad Request")


def test_real_calls_and_answers_conform(imagegene_api: APIClient) -> None:
    def call(method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        return conforming(imagegene_api, method, path, body, **headers)

    call("post", "create-user", {"user_id": "ada", "username": "Ada", "email": "ada@example.com"})
    paid = {"user_id": "ada", "app_name": "imagegene", "operation": "image_generation", "quantity": 2}
    entry = call("post", "deduct-credits", paid, **{"Idempotency-Key": "one"}).json()["transaction_id"]
    call("post", f"transaction/{entry}/refund", {"user_id": "ada", "amount": 1, "reason": "Half of it"})
    work: dict[str, Any] = {"user_id": "ada", "app_source": "imagegene", "project_type": "ai_art", "title": "Sea"}
    work |= {"content": base64_of(picture()), "charge": {"amount": 2}, "fit": True}
    code = call("post", "save-project", work).json()["project_code"]
    for path in ("user-info", "projects", f"project/{code}", f"project/{code}/content", f"project/{code}/thumbnail"):
        call("get", f"{path}?user_id=ada")
    call("get", "transactions?user_id=ada")
    call("get", "transactions?user_id=ada", Accept="text/csv")
    call("get", "storage-stats?user_id=ada")
    call("get", "prices")
    call("post", "estimate", {"user_id": "ada", "operation": "image_generation"})
    call("patch", f"project/{code}", {"user_id": "ada", "tags": ["sea"]})
    call("delete", f"project/{code}?user_id=ada")
    call("delete", f"project/{code}?user_id=ada&permanent=true")
    call("post", "give-bonus-credits", {"user_id": "ada", "amount": 5, "reason": "Thanks"})


def test_real_holds_conform(imagegene_api: APIClient) -> None:
    def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return conforming(imagegene_api, method, path, body)

    call("post", "create-user", {"user_id": "ada", "username": "Ada", "email": "ada@example.com"})
    terms = {"user_id": "ada", "app_name": "imagegene", "amount": 5, "storage_bytes": 100}
    hold = call("post", "holds", terms).json()["hold_id"]
    call("get", f"hold/{hold}?user_id=ada")
    call("post", f"hold/{hold}/extend", {"user_id": "ada", "ttl_seconds": 60})
    call("post", f"hold/{hold}/capture", {"user_id": "ada", "amount": 3})
    assert call("post", f"hold/{hold}/release", {"user_id": "ada"}).status_code == 409
    other = call("post", "holds", terms).json()["hold_id"]
    call("delete", f"hold/{other}?user_id=ada")


def test_real_batches_conform(imagegene_api: APIClient, alice: Any) -> None:
    charge = {"user_id": "alice", "app_name": "imagegene", "amount": 5}
    many = [{**charge, "key": "a"}, {**charge, "key": "a"}, {**charge, "key": "b", "amount": 100}]
    many += [{**charge, "key": "c", "user_id": "nobody"}, {**charge, "key": "d", "app_name": "penora"}]
    many += [{"user_id": "alice", "app_name": "imagegene", "operation": "nothing", "key": "e"}]
    done = conforming(imagegene_api, "post", "deduct-credits/batch", {"charges": many})
    assert [one["status"] for one in done.json()["results"]] == [200, 200, 402, 404, 403, 400]
    for index in (2, 3, 4, 5):
        refused = conforming(imagegene_api, "post", "deduct-credits/batch", {"charges": [many[index]], "atomic": True})
        assert refused.status_code == done.json()["results"][index]["status"]


def test_real_refusals_conform(imagegene_api: APIClient, alice: Any) -> None:
    charge = {"user_id": "alice", "app_name": "imagegene", "amount": 100}
    statuses = [
        conforming(imagegene_api, "post", "deduct-credits", charge).status_code,
        conforming(imagegene_api, "post", "deduct-credits", {**charge, "app_name": "penora"}).status_code,
        conforming(imagegene_api, "post", "deduct-credits", {**charge, "amuont": 1}).status_code,
        conforming(imagegene_api, "get", "user-info?user_id=nobody").status_code,
        conforming(APIClient(), "get", "user-info?user_id=alice").status_code,
        conforming(imagegene_api, "get", "project/ABC234?user_id=alice").status_code,
    ]
    assert statuses == [402, 403, 400, 404, 401, 404]


def test_a_body_the_document_refuses_is_refused(imagegene_api: APIClient, alice: Any) -> None:
    schema = operation_for("post", f"{BASE}deduct-credits")["requestBody"]["content"]["application/json"]["schema"]
    for flaw in ({"amount": 0}, {"amount": "2"}, {"amount": 1_000_001}, {"user_id": "not an id"}, {"amuont": 1}):
        body = {"user_id": "alice", "app_name": "imagegene", "amount": 1, **flaw}
        assert faults(body, schema)
        assert imagegene_api.post(f"{BASE}deduct-credits", body, format="json").status_code == 400


def test_the_schema_is_served_to_anybody_and_can_be_revalidated() -> None:
    first = Client().get("/api/schema")
    assert (first.status_code, first.json()["openapi"][:3]) == (200, "3.1")
    assert Client().get("/api/schema", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_the_page_explains_every_problem_where_its_type_points() -> None:
    page = Client().get("/api/docs")
    text = page.content.decode()
    assert page.status_code == 200
    for row in PROBLEM_CODES:
        assert f'id="{row.code}"' in text
    for _, path, operation in operations():
        assert f'id="{operation["operationId"]}"' in text
        assert path in text


def test_the_page_needs_no_other_host_and_no_inline_code() -> None:
    page = Client().get("/api/docs")
    text = page.content.decode()
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    loaded = re.findall(r'<(?:script|link|img)[^>]*?(?:src|href)="([^"]+)"', text)
    assert len(loaded) > 3
    assert all(address.startswith("/") for address in loaded)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", text)
    assert settings.PUBLIC_URL in text


def test_tables_are_offered_where_there_are_tables() -> None:
    offered = {
        operation["operationId"]
        for _, _, operation in operations()
        if any("text/csv" in answer.get("content", {}) for answer in operation["responses"].values())
    }
    assert offered == {"transactions", "storage_statement"}


def test_what_webhooks_send_is_what_the_document_says(alice: Any) -> None:
    event = events.record(user=alice, type="credits.low", data={"credits": 3})
    feed.number()
    event.refresh_from_db()
    told = document()["webhooks"]["event"]["post"]
    schema = told["requestBody"]["content"]["application/json"]["schema"]
    assert faults(json.loads(webhooks.body_of(event)), schema) == []
    assert faults({"id": 1}, schema) != []


def test_the_page_tells_of_webhooks(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    assert 'id="told_of_event"' in page
    assert "webhook-signature" in page
