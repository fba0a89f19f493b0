"""What every API view needs of the caller: for whom it acts, as which app, and writes that repeat safely."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.http import HttpResponse
from django.utils.encoding import escape_uri_path
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.encoders import JSONEncoder

from accounts import idempotency, services, strict_json
from accounts.errors import AppMismatch, InvalidField, UserNotFound
from accounts.models import ApiKey, ClientApp, User
from accounts.serializers import IdempotencyKey, StrictSerializer

Prepared = TypeVar("Prepared")
Reply = tuple[int, Mapping[str, Any]]


def calling_app(request: Request) -> ClientApp:
    """The app whose key this request carries; only routes that are shut to browsers ask."""
    assert isinstance(request.auth, ApiKey)
    return request.auth.app


def app_or_owner(request: Request) -> ClientApp | None:
    """The calling app, or None when a person acts for themselves in a browser."""
    return request.auth.app if isinstance(request.auth, ApiKey) else None


def subject(request: Request, user_id: str | None) -> User:
    """Whom this request is about. An app must name one; a browser session only ever gets its own user."""
    if isinstance(request.auth, ApiKey):
        if user_id is None:
            raise ValidationError({"user_id": "This field is required."}, code="required")
        return services.reach(app=request.auth.app, user_id=user_id)
    user = request.user
    assert isinstance(user, User)
    if user_id not in (None, user.user_id):
        raise UserNotFound("There is no user with this user_id.")
    return user


def same_app(request: Request, named: str) -> ClientApp:
    """The calling app, which must be the one the body names."""
    app = calling_app(request)
    if named != app.slug:
        raise AppMismatch("The key belongs to another app than the request names.", app=app.slug)
    return app


def body(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The validated body of a request, or ValidationError by field name."""
    _refuse(request.query_params)
    checked = serializer(data=request.data, context={"request": request})
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def no_body(request: Request) -> None:
    """Refuse a body where the parameters are in the query: what it asks would go unheard."""
    _refuse(request.data)


def _refuse(unheard: Iterable[Any]) -> None:
    refusal = [ErrorDetail("Is not known here.", code="unknown_parameter")]
    errors = {strict_json.shown(str(name)): refusal for name in unheard}
    if errors:
        raise ValidationError(errors)


def write(
    request: Request,
    endpoint: str,
    act: Callable[[Prepared], Reply],
    *,
    prepare: Callable[[], Prepared] = lambda: None,  # type: ignore[assignment,return-value]
) -> HttpResponse:
    """Answer a POST, once per Idempotency-Key when it carries one. `prepare` is the slow part, outside the write."""

    def answer(prepared: Prepared) -> idempotency.Answer:
        status, data = act(prepared)
        return idempotency.Answer(status, rendered(data))

    key = request.headers.get("Idempotency-Key")
    if key is None or not isinstance(request.auth, ApiKey):
        return _response(answer(prepare()))
    claim = idempotency.Claim(
        app=request.auth.app,
        endpoint=endpoint,
        key=_checked_key(key),
        path=escape_uri_path(request.path),
        fingerprint=idempotency.fingerprint(request.path.rstrip("/"), request.data),
    )
    return _response(idempotency.once(claim, prepare=prepare, act=answer))


def rendered(data: Mapping[str, Any]) -> bytes:
    """JSON bytes as every endpoint sends them."""
    return json.dumps(data, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def shown(serializer: type[BaseSerializer[Any]], instance: Any, **context: Any) -> dict[str, Any]:
    """`instance` as the API shows it."""
    return dict(serializer(instance, context=context).data)


def _checked_key(key: str) -> str:
    try:
        return str(IdempotencyKey().run_validation(key))
    except ValidationError:
        raise InvalidField("Idempotency-Key", "Must be 1 to 255 visible ASCII characters.") from None


def _response(answer: idempotency.Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    if answer.replayed:
        response["Idempotency-Replayed"] = "true"
    return response
