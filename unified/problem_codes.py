"""Every problem the API answers with: its stable code, its status, what it means and what a program does about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemCode:
    """One row of the reference; `code` is the anchor that a problem's `type` points at."""

    code: str
    status: int
    meaning: str
    advice: str


PROBLEM_CODES = tuple(
    ProblemCode(*row)
    for row in (
        ("invalid_request", 400, "The request is malformed, or a field is.", "`errors` names the fields. Fix, resend."),
        ("invalid_image", 400, "The picture cannot be read.", "Send a whole PNG, JPEG, WebP, AVIF, GIF or TIFF."),
        ("invalid_signature", 400, "Not signed by the payment provider, or too long ago.", "Only Stripe calls this."),
        ("invalid_document", 400, "The document is damaged, or its pages cannot be counted.", "Send a whole one."),
        ("encrypted_document", 400, "The document asks for a password.", "Remove the password first."),
        ("not_authenticated", 401, "No app key was sent.", "Send `Authorization: Bearer <app key>`."),
        (
            "invalid_key",
            401,
            "The app key or access token is wrong, revoked or expired.",
            "Replace the key, refresh the token; do not retry.",
        ),
        ("insufficient_credits", 402, "The wallet cannot pay. Nothing was written.", "Show `top_up_url`; retry anew."),
        ("app_mismatch", 403, "The key belongs to another app than the request names.", "Name your own app."),
        ("app_not_connected", 403, "The user does not let this app in.", "Ask the user to connect it; do not retry."),
        (
            "missing_scope",
            403,
            "The key or token lacks the scope this call needs.",
            "Ask the operator for a key with that scope.",
        ),
        ("apps_only", 403, "Only client apps may call this.", "Call it with an app key from your server."),
        ("csrf_failed", 403, "A browser's call without its CSRF token.", "Send the token as `X-CSRFToken`."),
        ("permission_denied", 403, "This is not allowed.", "Do not retry."),
        ("tls_required", 403, "The call came without TLS.", "Replace the key, which was readable; call `https://`."),
        ("wrong_origin", 403, "A page of another site tried to listen.", "Connect from our own pages or with a key."),
        ("user_not_found", 404, "There is no user with this `user_id`.", "Call `create-user` first."),
        ("project_not_found", 404, "Not among this user's projects, or no such code.", "Read `projects` again."),
        (
            "version_not_found",
            404,
            "The project has no such version, or it made way when room was needed.",
            "Read its `versions` again.",
        ),
        ("not_found", 404, "Nothing is at this path or under this name.", "Check path, hold or transaction id."),
        ("method_not_allowed", 405, "The path does not take this method.", "See the `Allow` header."),
        ("not_acceptable", 406, "The endpoint cannot answer in a type you accept.", "Accept `application/json`."),
        ("request_timeout", 408, "The rest of the request did not come in time.", "Send it again, faster."),
        ("account_closed", 409, "The person with this `user_id` closed their account.", "Use a new `user_id`."),
        ("email_taken", 409, "The email address belongs to another user.", "Ask the person for another address."),
        ("grant_key_reused", 409, "A bonus with this key was another bonus.", "A new bonus takes a new key."),
        ("nobody_to_grant", 409, "Staff only: nobody would get the bonus.", "Choose users; the key is still free."),
        ("refund_too_large", 409, "More was asked back than is left of the charge.", "Refund at most `refundable`."),
        ("staff_account", 409, "Staff only: a member of staff cannot be forgotten.", "Take away their rights first."),
        ("too_many_keys", 409, "Staff only: the app has two live keys.", "Revoke one, or let it expire."),
        ("key_not_live", 409, "Staff only: the key to replace is over.", "Issue a new one."),
        ("payment_mismatch", 409, "For Stripe only: what was paid is not what was asked for.", "Staff looks at it."),
        ("wallet_changed", 409, "Staff only: the wallet moved since the page was opened.", "Look again, then decide."),
        ("hold_settled", 409, "The hold already ended another way.", "Read the hold; treat its outcome as final."),
        (
            "idempotency_in_progress",
            409,
            "The first request with this key is still running.",
            "Wait `Retry-After`, resend.",
        ),
        (
            "idempotency_answer_gone",
            410,
            "This key was answered before, over 30 days ago or for a person who has left. Nothing was done.",
            "Read the state of the thing. A new attempt takes a new key.",
        ),
        ("project_changed", 409, "The project was changed or deleted while it was being read.", "Read it again."),
        ("already_compressed", 409, "The project was compressed more before.", "Once only; make room another way."),
        ("nothing_to_gain", 409, "Compressing this more would save next to nothing.", "Make room another way."),
        ("hold_expired", 410, "The hold's time ran out; its credits are free again.", "Make a new hold."),
        ("length_required", 411, "The body does not say its length.", "Send `Content-Length`, not chunks."),
        ("version_mismatch", 412, "The project changed since you read it.", "Read it again, merge, send its new ETag."),
        ("body_too_large", 413, "The body has more than `limit_bytes`.", "Send less."),
        ("content_too_large", 413, "The content could not fit into any workspace.", "Send less."),
        ("image_too_large", 413, "The picture has too many bytes, pixels or frames.", "Scale it down first."),
        ("document_too_large", 413, "The document has too many bytes, pages or parts.", "Split it."),
        ("uri_too_long", 414, "The request line is too long.", "Use fewer or shorter parameters."),
        ("unsupported_media_type", 415, "The body is of a type the endpoint does not read.", "Send JSON in UTF-8."),
        (
            "unsupported_media",
            415,
            "The file is in a format that is not taken.",
            "Convert it to PNG, JPEG or PDF.",
        ),
        ("range_not_satisfiable", 416, "No byte of the Range is there.", "`Content-Range` says how many there are."),
        (
            "expectation_failed",
            417,
            "The request expects what the server cannot do.",
            "Expect `100-continue` or nothing.",
        ),
        ("idempotency_key_reused", 422, "This key came with another request before.", "A new attempt takes a new key."),
        ("upgrade_required", 426, "This path speaks WebSocket.", "Connect with a WebSocket client."),
        ("headers_too_large", 431, "The headers are too many or too long.", "Send fewer or shorter ones."),
        ("rate_limited", 429, "Too many calls.", "Wait as long as `Retry-After` says."),
        (
            "spending_cap_reached",
            429,
            "The user limited what this app spends in a day.",
            "Tell the user; do not retry.",
        ),
        ("internal_error", 500, "A fault of ours, logged under `request_id`.", "Retry with the same Idempotency-Key."),
        (
            "pictures_busy",
            503,
            "Too many pictures are being worked on.",
            "Retry after `Retry-After`, with the same key.",
        ),
        (
            "server_busy",
            503,
            "More large bodies are on their way than the server takes.",
            "Wait `Retry-After`, resend.",
        ),
        ("payments_off", 503, "No payment provider is set up here.", "Hide what sells credits; see `on_sale`."),
        (
            "payment_provider_unavailable",
            503,
            "The payment page could not be opened. Nothing was paid.",
            "Wait `Retry-After`, resend with the same key.",
        ),
        ("too_many_streams", 503, "All places for live updates are taken.", "Wait `Retry-After`; poll meanwhile."),
        (
            "storage_unavailable",
            503,
            "The storage that keeps pictures does not answer. Nothing is lost.",
            "Wait `Retry-After`.",
        ),
        ("export_busy", 503, "A zip is being made for this person, or for too many others.", "Wait `Retry-After`."),
        (
            "too_many_projects",
            507,
            "The person has `max_projects` projects, trash included, or words of `max_words_bytes`. Nothing was paid.",
            "Delete some for good.",
        ),
        (
            "workspace_full",
            507,
            "The bytes do not fit. Nothing was stored or paid.",
            "Offer `suggestions`, or `fit: true`.",
        ),
    )
)


def codes_of(status: int) -> list[str]:
    """The codes that come with a status."""
    return [problem.code for problem in PROBLEM_CODES if problem.status == status]


def as_markdown() -> str:
    """The table as the OpenAPI document carries it."""
    rows = [f"| `{row.code}` | {row.status} | {row.meaning} | {row.advice} |" for row in PROBLEM_CODES]
    return "\n".join(["| code | status | meaning | what to do |", "| --- | --- | --- | --- |", *rows])
