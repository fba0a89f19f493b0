"""The parts of the OpenAPI document that every operation refers to: problems, headers in and headers out."""

from typing import Any

Json = dict[str, Any]


def _object(required: list[str], /, **properties: Json) -> Json:
    return {"type": "object", "required": required, "properties": properties}


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description, **more}


def _whole(description: str) -> Json:
    return {"type": "integer", "description": description}


def _extended(description: str, addition: Json) -> Json:
    return {"description": description, "allOf": [{"$ref": "#/components/schemas/Problem"}, addition]}


_FIELD_ERROR = _object(
    ["field", "code", "detail"],
    field=_text("The field's name, with dots into objects and lists; empty for the whole body."),
    code=_text("The kind of fault."),
    detail=_text("A sentence for a person."),
)
_SUGGESTION = _object(
    ["action", "project_code", "title", "frees_bytes"],
    action=_text("`purge` what is in the trash, `delete` what is not.", enum=["purge", "delete"]),
    project_code=_text("The project."),
    title=_text("Its title."),
    frees_bytes=_whole("Bytes this gives back."),
)
PROBLEMS: Json = {
    "Problem": {
        "description": "RFC 9457. `code` is stable; a problem may carry further facts.",
        **_object(
            ["type", "title", "status", "detail", "instance", "code"],
            type=_text("Where the code is explained.", format="uri"),
            title=_text("The kind of problem in words."),
            status={**_whole("The HTTP status."), "minimum": 400, "maximum": 599},
            detail=_text("What happened this time, for a person."),
            instance=_text("The path that was asked for."),
            code=_text("The kind of problem for a program."),
        ),
    },
    "InvalidRequest": _extended(
        "A request that cannot be understood.", _object([], errors={"type": "array", "items": _FIELD_ERROR})
    ),
    "InsufficientCredits": _extended(
        "The wallet cannot pay.",
        _object(
            ["required", "credits", "shortfall", "top_up_url"],
            required=_whole("Credits asked for."),
            credits=_whole("Credits that can be spent now."),
            shortfall=_whole("Credits missing."),
            top_up_url=_text("Where the user gets more.", format="uri"),
        ),
    ),
    "WorkspaceFull": _extended(
        "The bytes do not fit.",
        _object(
            ["required_bytes", "available_bytes", "suggestions"],
            required_bytes=_whole("Bytes needed."),
            available_bytes=_whole("Bytes there are."),
            suggestions={"type": "array", "items": _SUGGESTION},
        ),
    ),
}


def _parameter(name: str, description: str, **schema: Any) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


PARAMETERS = {
    parameter["name"]: parameter
    for parameter in (
        _parameter(
            "Idempotency-Key",
            "Your name for this attempt: the same key with the same body answers what it answered the first time.",
            minLength=1,
            maxLength=255,
            pattern="^[!-~]{1,255}$",
        ),
        _parameter("If-Match", "The ETag you read; 412 when the project has changed since."),
        _parameter("If-None-Match", "An ETag you have; 304 when it is still the one."),
        _parameter("X-Request-ID", "Your id for this call, returned and logged.", pattern="^[A-Za-z0-9._-]{1,128}$"),
    )
}
HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in (
        ("X-Request-ID", "The call's id in our logs."),
        ("Idempotency-Replayed", "`true` when this is the stored answer of an earlier request with the same key."),
        ("ETag", "The version of what was read; goes into If-Match and If-None-Match."),
        ("Retry-After", "Seconds to wait before trying again."),
        ("WWW-Authenticate", "How to authenticate."),
    )
}
