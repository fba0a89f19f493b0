"""The parts of the OpenAPI document that every operation refers to: problems, headers in and headers out."""

from typing import Any

from django.conf import settings

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
_REFUSED = _object(
    ["index", "key", "status", "code", "detail"],
    index=_whole("Where the charge stands in the list, counted from 0."),
    key=_text("Its key."),
    status=_whole("What it would have been answered alone."),
    code=_text("The kind of problem."),
    detail=_text("A sentence for a person."),
)
_CODES = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 100}
_SUGGESTION = _object(
    [
        "action",
        "reason",
        "app_source",
        "project_code",
        "project_codes",
        "title",
        "frees_bytes",
        "estimated",
        "quality_before",
        "quality_after",
        "request",
        "body",
        "undo",
    ],
    action=_text(
        "`purge` what is in the trash, `compress` or `delete` what is not.", enum=["purge", "compress", "delete"]
    ),
    reason=_text("Why this one.", enum=["trashed", "compressible", "largest", "oldest"]),
    app_source=_text("The app that made it: an app may send the request of its own ones, the person of all."),
    project_code=_text("The project, or the first of several."),
    project_codes={**_CODES, "description": "All of them; those that show the same bytes go together."},
    title=_text("Its title."),
    frees_bytes=_whole("Bytes this gives back."),
    estimated={"type": "boolean", "description": "Whether that is an estimate, as it is for compressing."},
    quality_before={"type": ["integer", "null"], "description": "The encoder's quality now; null: without loss."},
    quality_after={"type": ["integer", "null"], "description": "The quality afterwards; null: without loss."},
    request=_text("What to send."),
    body={"type": "object", "description": "What to send with it."},
    undo={"type": ["object", "null"], "description": "The request that takes it back, where that can be."},
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
            refused={
                "type": "array",
                "items": _REFUSED,
                "description": "Of a batch to be done as a whole: the first ten charges that keep it from that.",
            },
            refused_count=_whole("How many of them there are."),
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
            ["required_bytes", "available_bytes", "missing_bytes", "suggestions", "make_room_url"],
            required_bytes=_whole("Bytes needed."),
            available_bytes=_whole("Bytes there are."),
            missing_bytes=_whole("Bytes to be freed first."),
            suggestions={"type": "array", "items": _SUGGESTION},
            make_room_url=_text("Where the user makes room.", format="uri"),
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
        _parameter("Range", "One part of the bytes, such as `bytes=0-1023`; several parts get them all."),
        _parameter("If-Range", "The ETag of what you hold a part of; when it has changed you get it all."),
        _parameter(
            "X-Request-ID",
            "Your id for this call, returned and logged; one that is not 1 to 128 characters out of `A-Z a-z 0-9 . _ -`"
            " is replaced.",
        ),
    )
}
HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in (
        ("X-Request-ID", "The call's id in our logs."),
        ("Idempotency-Replayed", "`true` when this is the stored answer of an earlier request with the same key."),
        ("ETag", "The version of what was read; goes into If-Match and If-None-Match."),
        ("RateLimit", 'Calls left and seconds to the end of the window, by limit: `"key";r=59999;t=42`.'),
        ("RateLimit-Policy", 'The limits this call was counted against: `"key";q=60000;w=60`.'),
        ("Accept-Ranges", "`bytes`: a Range may be asked for."),
        ("Content-Range", "Which bytes these are, and of how many."),
        ("Content-Disposition", "`inline`, or `attachment` with a name made of the title."),
        ("Retry-After", "Seconds to wait before trying again."),
        ("WWW-Authenticate", "How to authenticate."),
    )
}


_STAMP = _object(["timestamp"], timestamp=_text("When it happened.", format="date-time"))
WEBHOOKS: Json = {
    "event": {
        "post": {
            "operationId": "told_of_event",
            "summary": "An app is told of an event",
            "description": (
                "Posted to the addresses that staff set for an app, signed after Standard Webhooks, at least once."
                " Answer 2xx within 10 seconds; anything else is tried again, for three days. A test that staff send is"
                " about nobody: type `webhook.test`, id 0, no `user_id`."
            ),
            "tags": ["Live"],
            "security": [],
            "parameters": [
                {"name": name, "in": "header", "required": True, "schema": _text(description)}
                for name, description in (
                    ("webhook-id", "The same for every attempt: by it a repeat is known."),
                    ("webhook-timestamp", "When this attempt was made, in seconds since 1970."),
                    ("webhook-signature", "`v1,` and a signature; two of them, apart by a space, after a rotation."),
                )
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"allOf": [{"$ref": "#/components/schemas/Event"}, _STAMP]}}
                },
            },
            "responses": {"2XX": {"description": "Heard."}, "410": {"description": "Never again: it is switched off."}},
        }
    }
}


def security_schemes() -> dict[str, Any]:
    """The ways to say who is calling, by the names the operations use."""
    discovery = f"{settings.PUBLIC_URL}/.well-known/openid-configuration"
    key = "An app key, `unk_…`. The key decides the app; its scopes are named at each operation."
    signed_in = (
        "An access token, `uat_…`, of a person who signed in to an app with Unified: the app acts for that person"
        " alone, `user_id` may be left out, and anybody else's is 404."
    )
    session = "A signed-in person, for themselves only. Writes send the CSRF token as `X-CSRFToken`."
    signed = "Stripe's signature of the body and the time, with the secret of the webhook endpoint."
    return {
        "appKey": {"type": "http", "scheme": "bearer", "description": key},
        "signInWithUnified": {"type": "openIdConnect", "openIdConnectUrl": discovery, "description": signed_in},
        "stripeSignature": {"type": "apiKey", "in": "header", "name": "Stripe-Signature", "description": signed},
        "browserSession": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": session},
    }
