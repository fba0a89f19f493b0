"""The API described: the OpenAPI document, and the page people read; both made once per process, both offline."""

import hashlib
import json
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from unified.problem_codes import PROBLEM_CODES

Json = dict[str, Any]


@cache
def document() -> Json:
    """The OpenAPI 3.1 document; it depends on code and settings alone."""
    found: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@cache
def _serialised() -> tuple[bytes, str]:
    body = json.dumps(document(), indent=1, ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """GET /api/schema."""
    body, etag = _serialised()
    media_type = "application/vnd.oai.openapi+json"
    accepted = media_type if media_type in request.headers.get("Accept", "") else "application/json"
    response = get_conditional_response(request, etag=etag) or HttpResponse(body, content_type=accepted)
    response["ETag"] = etag
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """GET /api/docs; each problem's `type` points at an anchor on it."""
    webhook = document()["webhooks"]["event"]["post"]
    rows = [_row(item["name"], item["schema"], item) for item in webhook["parameters"]]
    context = {"sections": _sections(), "problems": PROBLEM_CODES, "public_url": settings.PUBLIC_URL}
    context |= {"webhook": webhook, "webhook_headers": rows}
    return render(request, "reference.html", context)


@cache
def _sections() -> list[Json]:
    """The operations under their tags, ready to print."""
    operations = [
        (operation["tags"][0], _printed(path, method, operation))
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        {**tag, "operations": [printed for name, printed in operations if name == tag["name"]]}
        for tag in document()["tags"]
    ]


def _printed(path: str, method: str, operation: Json) -> Json:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parameters = [_resolved(parameter) for parameter in operation["parameters"]]
    refusals = {status: _resolved(answer) for status, answer in operation["responses"].items()}
    return {
        "id": operation["operationId"],
        "path": path,
        "method": method.upper(),
        "summary": operation["summary"],
        "description": operation["description"],
        "parameters": [_row(item["name"], item["schema"], item) for item in parameters],
        "fields": _fields(content.get("schema", {})),
        "curl": _curl(path, method, parameters, content.get("example")),
        "answers": [_answer(status, answer) for status, answer in refusals.items() if int(status) < 400],
        "refusals": [(status, answer["description"]) for status, answer in refusals.items() if int(status) >= 400],
    }


def _resolved(node: Json) -> Json:
    """What a `$ref` stands for, or the node itself."""
    if "$ref" not in node:
        return node
    found: Json = document()
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _fields(schema: Json) -> list[Json]:
    found = _resolved(schema)
    required = found.get("required", [])
    return [_row(name, item, {"required": name in required}) for name, item in found.get("properties", {}).items()]


def _row(name: str, schema: Json, facts: Json) -> Json:
    return {
        "name": name,
        "where": facts.get("in", "body"),
        "required": facts.get("required", False),
        "type": _type(schema),
        "description": facts.get("description") or schema.get("description", ""),
    }


def _type(schema: Json) -> str:
    """A field's type and its limits, in a few words."""
    resolved = _resolved(schema.get("allOf", [schema])[0])
    if "enum" in resolved:
        return " · ".join(str(value) for value in resolved["enum"])
    kind = resolved.get("type", "object")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if words == "array":
        return f"list of {_type(resolved['items'])}"
    return " ".join([resolved.get("format", words), *_limits(resolved)])


def _limits(schema: Json) -> list[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None:
        return [f"{low or 0:,}–{high:,}"]
    return [f"≤ {schema['maxLength']:,} characters"] if "maxLength" in schema else []


def _answer(status: str, answer: Json) -> Json:
    contents = answer.get("content", {}).items()
    bodies = [(kind, _pretty(content["example"])) for kind, content in contents if "example" in content]
    return {
        "status": status,
        "description": answer["description"],
        "types": [kind for kind, _ in contents],
        "bodies": bodies,
    }


def _pretty(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def _curl(path: str, method: str, parameters: list[Json], body: Any) -> str:
    """The example as a command that can be pasted."""
    known = {item["name"]: item["example"] for item in parameters if "example" in item}
    for item in parameters:
        if item["in"] == "path":
            path = path.replace(f"{{{item['name']}}}", str(known.pop(item["name"], "")))
    query = "&".join(f"{name}={value}" for name, value in known.items())
    lines = [f'curl "{settings.PUBLIC_URL}{path}{"?" + query if query else ""}"', '-H "Authorization: Bearer $KEY"']
    if method in {"patch", "delete"}:
        lines.insert(1, f"-X {method.upper()}")
    if any(item["name"] == "Idempotency-Key" for item in parameters):
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{_pretty(body)}'"]
    return " \\\n  ".join(lines)
