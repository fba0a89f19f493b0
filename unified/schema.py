"""The OpenAPI document: what drf-spectacular cannot read off the views is added to each operation here."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from accounts import consents
from unified.problem_codes import as_markdown, codes_of
from unified.schema_examples import examples_of, problem_example
from unified.schema_parts import HEADERS, PARAMETERS, PROBLEMS, WEBHOOKS, security_schemes

Json = dict[str, Any]

TAGS = {
    "Users": "People, as the apps make and see them.",
    "Credits": "One wallet for all apps: charges, history, refunds, prices and bonuses.",
    "Purchases": "Credits for money: packages, the payment page, and what was bought.",
    "Holds": "Credits, and bytes if asked, set aside while work is under way.",
    "Workspace": "Projects of all apps and the bytes they share.",
    "Live": "What happened, as a feed.",
}
_TAG_OF = {
    "create-user": "Users",
    "user-info": "Users",
    "packages": "Purchases",
    "checkout": "Purchases",
    "purchases": "Purchases",
    "stripe": "Purchases",
    "hold": "Holds",
    "holds": "Holds",
    "project": "Workspace",
    "projects": "Workspace",
    "save-project": "Workspace",
    "storage-stats": "Workspace",
    "cleanup": "Workspace",
    "events": "Live",
}
# What an operation can answer besides the statuses every operation, or every method, can.
_EVERYWHERE = (400, 401, 403, 404, 429, 500)
_BY_METHOD = {"POST": (409, 413, 415, 422), "PATCH": (412, 413, 415), "DELETE": (412,)}
_BY_OPERATION = {
    "deduct_credits": (402,),
    "deduct_credits_batch": (402,),
    "save_project": (402, 410, 412, 503, 507),
    "update_project": (503, 507),
    "project_content": (412, 416, 503),
    "create_hold": (402, 507),
    "checkout": (503,),
    "stripe_webhook": (503,),
    "hold": (410,),
    "capture_hold": (410,),
    "release_hold": (410,),
    "release_hold_by_delete": (409, 410),
    "extend_hold": (410,),
}
_NO_PRECONDITION = {"release_hold_by_delete"}
_SCHEMA_OF = {400: "InvalidRequest", 402: "InsufficientCredits", 507: "WorkspaceFull"}
_ALWAYS = ("X-Request-ID", "RateLimit", "RateLimit-Policy")
_RETRYABLE = {409, 429, 503}


class OperationSchema(AutoSchema):
    """settings.DEFAULT_SCHEMA_CLASS: who may call, which headers and refusals go with it, and an example of each."""

    def get_tags(self) -> list[str]:
        return [_TAG_OF.get(self.path.removeprefix("/api/unified/").split("/")[0], "Credits")]

    def get_auth(self) -> list[Json]:
        if signature := self._signature():
            return [{signature: []}]
        scope = self._scope()
        schemes: list[Json] = [{"appKey": [scope]}] if scope else []
        if self._for_tokens():
            schemes.append({"signInWithUnified": [scope]})
        return [*schemes, {"browserSession": []}] if self._for_browsers() else schemes

    def get_operation(self, *args: Any, **kwargs: Any) -> Json | None:
        operation: Json | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["description"] = self._who()
            operation.setdefault("parameters", []).extend(self._request_headers(operation["operationId"]))
            _describe_answers(operation, self._problems(operation["operationId"]))
        return operation

    def _action(self) -> str:
        return str(self.view.action_map[self.method.lower()])  # type: ignore[attr-defined]

    def _scope(self) -> str | None:
        return self.view.scopes.get(self._action()) if hasattr(self.view, "scopes") else None

    def _signature(self) -> str | None:
        """The scheme of a route whose callers are known by their signature."""
        return getattr(self.view, "signature_scheme", None)

    def _for_browsers(self) -> bool:
        return self._action() in getattr(self.view, "browser_actions", ())

    def _for_tokens(self) -> bool:
        opened = self._for_browsers() or self._action() in getattr(self.view, "token_actions", ())
        return opened and self._scope() in consents.SCOPES

    def _who(self) -> str:
        caller = "key, or a person's access token," if self._for_tokens() else "key"
        if self._signature():
            return "For Stripe alone: every call is signed with the endpoint's secret. An event has one effect."
        apps = f"An app's {caller} needs the scope `{self._scope()}`." if self._scope() else "Apps cannot call it."
        return f"{apps} A browser session may call it for its own user." if self._for_browsers() else apps

    def _request_headers(self, operation_id: str) -> list[Json]:
        found = []
        if self.method == "POST" and operation_id not in {"estimate", "stripe_webhook"}:
            found.append("Idempotency-Key")
        if self.method in {"PATCH", "DELETE"} and operation_id not in _NO_PRECONDITION:
            found.append("If-Match")
        if operation_id in {"project", "project_content", "project_thumbnail"}:
            found.append("If-None-Match")
        if operation_id == "project_content":
            found += ["Range", "If-Range"]
        return [{"$ref": f"#/components/parameters/{name}"} for name in [*found, "X-Request-ID"]]

    def _problems(self, operation_id: str) -> list[int]:
        return sorted({*_EVERYWHERE, *_BY_METHOD.get(self.method, ()), *_BY_OPERATION.get(operation_id, ())})


def _describe_answers(operation: Json, problems: list[int]) -> None:
    names = [parameter.get("$ref", "") for parameter in operation["parameters"]]
    replayable = "#/components/parameters/Idempotency-Key" in names
    ranged = "#/components/parameters/Range" in names
    tagged = "#/components/parameters/If-None-Match" in names or operation["operationId"] in {
        "update_project",
        "save_project",
    }
    for status, response in operation["responses"].items():
        response["description"] = response.get("description") or ("Created." if status == "201" else "Done.")
        wanted = [*_ALWAYS, *["Idempotency-Replayed"] * replayable, *["ETag"] * tagged]
        wanted += ["Accept-Ranges", "Content-Disposition"] * ranged + ["Content-Range"] * (status == "206")
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in wanted}
    if "#/components/parameters/If-None-Match" in names:
        operation["responses"]["304"] = {"description": "Unchanged since the ETag in If-None-Match."}
    for status in problems:
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    _add_examples(operation)


def _add_examples(operation: Json) -> None:
    known = examples_of(operation["operationId"])
    body = operation.get("requestBody", {}).get("content", {})
    if known.request is not None and "application/json" in body:
        body["application/json"]["example"] = known.request
    for status, example in known.responses.items():
        for media_type, content in operation["responses"][status].get("content", {}).items():
            if media_type in example:
                content["example"] = example[media_type]
    for parameter in operation["parameters"]:
        if parameter.get("name") in known.parameters:
            parameter["example"] = known.parameters[parameter["name"]]


def documented_paths(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """PREPROCESSING_HOOKS: our patterns end in an optional slash; the documented paths have none."""
    return [(path.rstrip("/"), regex, method, view) for path, regex, method, view in endpoints]


def finish(result: Json, **_: Any) -> Json:
    """POSTPROCESSING_HOOKS: the parts every operation shares, and numbers that do not depend on the database."""
    result["info"]["description"] += f"\n\n## Problem codes\n\n{as_markdown()}\n"
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if _used(result, name)]
    components = result["components"]
    components["schemas"] = _without_machine_limits(components["schemas"]) | PROBLEMS
    _close(components["schemas"], [operation.get("requestBody") for operation in _operations(result)])
    result["webhooks"] = WEBHOOKS
    components["parameters"] = PARAMETERS
    components["headers"] = HEADERS
    components["securitySchemes"] = security_schemes()
    statuses = sorted({*_EVERYWHERE, *(s for group in _groups() for s in group)})
    components["responses"] = {f"Problem{status}": _problem_response(status) for status in statuses}
    return result


def _groups() -> list[tuple[int, ...]]:
    return [*_BY_METHOD.values(), *_BY_OPERATION.values()]


def _operations(result: Json) -> list[Json]:
    return [operation for path in result["paths"].values() for operation in path.values()]


def _used(result: Json, tag: str) -> bool:
    return any(tag in operation["tags"] for operation in _operations(result))


def _close(schemas: Json, node: Any) -> None:
    """Say of every body below `node` what StrictSerializer does: an unknown field is refused."""
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for item in below:
        _close(schemas, item)
    name = node.get("$ref", "").removeprefix("#/components/schemas/") if isinstance(node, dict) else ""
    if name and schemas[name].get("type") == "object" and "additionalProperties" not in schemas[name]:
        schemas[name]["additionalProperties"] = False
        _close(schemas, schemas[name])


def _without_machine_limits(node: Any) -> Any:
    """Drop the 64-bit limits that drf-spectacular reads off the database's columns."""
    if isinstance(node, list):
        return [_without_machine_limits(item) for item in node]
    if not isinstance(node, dict):
        return node
    limits = {"maximum", "minimum"}
    kept = {name: item for name, item in node.items() if name not in limits or abs(_number(item)) < 2**31 - 1}
    return {name: _without_machine_limits(item) for name, item in kept.items()}


def _number(item: Any) -> float:
    return item if isinstance(item, int | float) else 0


def _problem_response(status: int) -> Json:
    schema = {"$ref": f"#/components/schemas/{_SCHEMA_OF.get(status, 'Problem')}"}
    headers = [*_ALWAYS, *["Retry-After"] * (status in _RETRYABLE), *["WWW-Authenticate"] * (status == 401)]
    return {
        "description": ", ".join(f"`{code}`" for code in codes_of(status)),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {"application/problem+json": {"schema": schema, "example": problem_example(status)}},
    }
