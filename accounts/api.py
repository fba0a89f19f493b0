"""What every API view needs of the caller: for whom it acts, as which app, and writes that repeat safely."""

import json
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any, TypeVar

from django.http import HttpResponse, QueryDict
from django.utils.encoding import escape_uri_path
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.encoders import JSONEncoder

from accounts import idempotency, rate_limits, services, strict_json
from accounts.access_tokens import AccessToken, AppCaller
from accounts.errors import AppMismatch, InvalidField, UserNotFound
from accounts.models import ClientApp, User
from accounts.serializers import IdempotencyKey, StrictSerializer

Prepared = TypeVar("Prepared")
Reply = tuple[int, Mapping[str, Any]]


def calling_app(request: Request) -> ClientApp:
    """The app that calls, with its key or a person's token; only routes that are shut to browsers ask."""
    assert isinstance(request.auth, AppCaller)
    return request.auth.app


def app_or_owner(request: Request) -> ClientApp | None:
    """The calling app, or None when a person acts for themselves in a browser."""
    return request.auth.app if isinstance(request.auth, AppCaller) else None


def may_pay(request: Request) -> bool:
    """Whether the caller may spend credits: a person of their own, an app with the scope."""
    return not isinstance(request.auth, AppCaller) or "credits:charge" in request.auth.scopes


def subject(request: Request, user_id: str | None) -> User:
    """Whom this request is about. An app must name one; a browser session or a token only ever gets its own user."""
    caller = request.auth
    if not isinstance(caller, AppCaller):
        assert isinstance(request.user, User)
        return _own(request.user, user_id)
    if isinstance(caller, AccessToken):
        # Also counted as this person's, once for each call: see CallerRate.
        return services.reach(app=caller.app, user_id=_own(caller.user, user_id).user_id)
    if user_id is None:
        raise ValidationError({"user_id": "This field is required."}, code="required")
    user = services.reach(app=caller.app, user_id=user_id)
    # Per app: one that floods a person's account does not shut the others out of it.
    rate_limits.spend(request, "user", f"{caller.app_id}/{user.pk}")
    return user


def _own(owner: User, user_id: str | None) -> User:
    if user_id not in (None, owner.user_id):
        raise UserNotFound("There is no user with this user_id.")
    return owner


def same_app(request: Request, named: str) -> ClientApp:
    """The calling app, which must be the one the body names."""
    app = calling_app(request)
    if named != app.slug:
        raise AppMismatch("The key belongs to another app than the request names.", app=app.slug)
    return app


def body(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The validated body of a request, or ValidationError by field name."""
    _refuse(request.query_params)
    checked = serializer(data=_named(request, serializer), context={"request": request})
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _named(request: Request, serializer: type[StrictSerializer]) -> Any:
    """The body of a request, about the person of its token where it names none."""
    data = request.data
    fields: Mapping[str, Any] = getattr(serializer, "_declared_fields", {})
    if isinstance(request.auth, AccessToken) and isinstance(data, Mapping | QueryDict) and "user_id" in fields:
        data = copy(data)
        data.setdefault("user_id", request.auth.user.user_id)
    return data


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
    if key is None or not isinstance(request.auth, AppCaller):
        return _response(answer(prepare()))
    # The same bytes with another person's token are another request.
    whose = request.auth.user.user_id if isinstance(request.auth, AccessToken) else ""
    named = request.data.get("user_id", "") if isinstance(request.data, Mapping) else ""
    claim = idempotency.Claim(
        app=request.auth.app,
        endpoint=endpoint,
        key=_checked_key(key),
        path=escape_uri_path(request.path),
        fingerprint=idempotency.fingerprint(f"{request.path.rstrip('/')}{whose and f'#{whose}'}", request.data),
        user_id=whose or named,
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
