"""The base of every refusal the product makes on purpose, and the refusals about who is calling."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings


class DomainError(Exception):
    """A broken rule: `detail` is a sentence for a person, `facts` are what a program needs to react."""

    code: ClassVar[str] = "invalid_request"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad Request"

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        self.headers = dict(headers or {})


class InvalidField(DomainError):
    """A value whose fault only the domain can see; rendered as a field error by name."""

    def __init__(self, field: str, detail: str, code: str = "invalid") -> None:
        super().__init__(detail, errors=[{"field": field, "code": code, "detail": detail}])
        self.field, self.field_code = field, code

    def inside(self, name: str) -> "InvalidField":
        """The same refusal of a field that came inside the field `name`."""
        return InvalidField(f"{name}.{self.field}", self.detail, self.field_code)


class UserNotFound(DomainError):
    code = "user_not_found"
    status = 404
    title = "User not found"


class NotFound(DomainError):
    code = "not_found"
    status = 404
    title = "Not Found"


class AppMismatch(DomainError):
    code = "app_mismatch"
    status = 403
    title = "Not this app's"


class AppNotConnected(DomainError):
    code = "app_not_connected"
    status = 403
    title = "App not connected"


class EmailTaken(DomainError):
    code = "email_taken"
    status = 409
    title = "Email taken"


class AccountClosed(DomainError):
    code = "account_closed"
    status = 409
    title = "Account closed"


class TooManyKeys(DomainError):
    """One key in use and one that replaces it is what a rotation needs."""

    code = "too_many_keys"
    status = 409
    title = "Too many keys"


class KeyNotLive(DomainError):
    code = "key_not_live"
    status = 409
    title = "Key not live"


class IdempotencyKeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    title = "Idempotency key reused"


class IdempotencyAnswerGone(DomainError):
    code = "idempotency_answer_gone"
    status = 410
    title = "Answer gone"


class IdempotencyInProgress(DomainError):
    code = "idempotency_in_progress"
    status = 409
    title = "Request in progress"


def problem(error: DomainError, instance: str) -> dict[str, Any]:
    """The refusal as an RFC 9457 body; `instance` is the path that was asked for."""
    return {
        **error.facts,
        "type": f"{settings.PUBLIC_URL}/api/docs#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
    }
