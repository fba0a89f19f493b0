"""What the API can refuse, as exceptions: one class per kind, the machine-readable facts on every one."""

from __future__ import annotations

from typing import Any


class UnifiedError(Exception):
    """A call that did not succeed.

    `status` is the HTTP status (0: no answer at all), `code` the problem's stable name, `detail` its sentence,
    `facts` everything else the problem said. `idempotency_key` is the key the write was sent with: repeat the same
    call with it and the server does the work once, whatever happened to the first answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        facts: dict[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(f"{detail} [{status} {code}]")
        self.status = status
        self.code = code
        self.detail = detail
        self.facts: dict[str, Any] = facts or {}
        self.idempotency_key = idempotency_key


class ConnectionFailed(UnifiedError):
    """No usable answer arrived, after all retries; the write may or may not have happened."""


class BadRequest(UnifiedError):
    """400, 412, 415, 422 …: the request itself is wrong; `facts["errors"]` names the fields."""

    @property
    def errors(self) -> list[dict[str, Any]]:
        found = self.facts.get("errors", [])
        return found if isinstance(found, list) else []


class AuthenticationFailed(UnifiedError):
    """401: no key, or a wrong, expired or revoked one."""


class InsufficientCredits(UnifiedError):
    """402: nothing was charged. Facts: `required`, `credits`, `shortfall`, `top_up_url`."""

    @property
    def shortfall(self) -> int | None:
        found = self.facts.get("shortfall")
        return found if isinstance(found, int) else None

    @property
    def top_up_url(self) -> str | None:
        found = self.facts.get("top_up_url")
        return found if isinstance(found, str) else None


class Forbidden(UnifiedError):
    """403: a missing scope, another app's project, or a user who disconnected this app."""


class NotFound(UnifiedError):
    """404, 410: no such user, project or hold for this app; a hold that has expired."""


class Conflict(UnifiedError):
    """409: the state says otherwise (`email_taken`, `hold_settled`, …)."""


class TooLarge(UnifiedError):
    """413: one body larger than could ever fit."""


class RateLimited(UnifiedError):
    """429: too many calls, or the user's daily spending cap for this app (`spending_cap_reached`)."""


class WorkspaceFull(UnifiedError):
    """507: nothing was saved and nothing charged. `suggestions` are requests whose sum makes room.

    Further facts: `required_bytes`, `available_bytes`, `missing_bytes`, and `make_room_url` for the person."""

    @property
    def suggestions(self) -> list[Any]:
        found = self.facts.get("suggestions", [])
        return found if isinstance(found, list) else [found]


class ServerFault(UnifiedError):
    """5xx other than 507, after all retries."""


_BY_STATUS: dict[int, type[UnifiedError]] = {
    401: AuthenticationFailed,
    402: InsufficientCredits,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    429: RateLimited,
    507: WorkspaceFull,
}


def error_class(status: int) -> type[UnifiedError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return ServerFault
    return BadRequest if 400 <= status < 500 else UnifiedError


def from_problem(status: int, problem: object, *, idempotency_key: str | None = None) -> UnifiedError:
    """Read an RFC 9457 problem; an answer that is none (a proxy's page) still becomes an error with its status."""
    body = problem if isinstance(problem, dict) else {}
    known = {"type", "title", "status", "detail", "instance", "code"}
    facts = {name: value for name, value in body.items() if name not in known}
    detail = str(body.get("detail") or body.get("title") or f"The server answered {status}.")
    code = str(body.get("code") or f"http_{status}")
    return error_class(status)(status, code, detail, facts, idempotency_key=idempotency_key)
