"""The admin's site: every page that changes something is one transaction, and what was done is in the audit log."""

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import audit
from accounts.models import User

# Only the stubs know this class as generic; Django's own cannot be subscripted.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

View = TypeVar("View", bound=Callable[..., HttpResponse])

SAFE = ("GET", "HEAD", "OPTIONS")
MAX_SHOWN = 200
_SECRET_FIELD = re.compile("password|secret|token|hash|key|seed|data")


def own_transaction(view: View) -> View:
    """Marks a view of the admin that opens its transaction itself, because it has something slow to do before."""
    view.own_transaction = True  # type: ignore[attr-defined]
    return view


class Audited(ModelAdmin):
    """Pages whose changes are in the audit log, beside Django's own history of each row."""

    def person_of(self, obj: Model) -> User | None:
        """Whom a row of this model is about."""
        owner = obj if isinstance(obj, User) else getattr(obj, "user", None)
        return owner if isinstance(owner, User) else None

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        request.audited_values = changed_values(form)  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "added", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            self._record(request, "deleted", obj, str(obj))
        return super().log_deletions(request, queryset)

    def log_act(self, request: HttpRequest, obj: Model, action: str, message: str) -> None:
        """Log something with a name of its own, such as "hold.released"."""
        self._record(request, action, obj, message)
        super().log_change(request, obj, message)

    def log_history(self, request: HttpRequest, obj: Model, message: str) -> None:
        """Log what its service has put into the audit log already: in the row's history only."""
        super().log_change(request, obj, message)

    def _record(self, request: HttpRequest, action: str, obj: Model, message: Any) -> None:
        said = LogEntry(change_message=json.dumps(message) if isinstance(message, list) else message)
        facts = {"said": said.get_change_message(), "values": getattr(request, "audited_values", None)}
        known: dict[str, Any] = {name: value for name, value in facts.items() if value}
        audit.record(action, about=obj, person=self.person_of(obj), **known)


def changed_values(form: Any) -> dict[str, list[object]]:
    """What each changed field of an admin form said before and says now."""
    return {
        name: [_shown(name, form[name].initial), _shown(name, form.cleaned_data.get(name))]
        for name in form.changed_data
        if name in form.fields
    }


def _shown(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if _SECRET_FIELD.search(name) or isinstance(value, bytes):
        return "(not shown)"
    if isinstance(value, QuerySet | list | tuple):
        return sorted(str(item)[:MAX_SHOWN] for item in value)
    return str(value)[:MAX_SHOWN]


class AuditedSite(admin.AdminSite):
    """A site on which no model, ours or another package's, is changed without being audited."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        given = admin_class or admin.ModelAdmin
        if not issubclass(given, Audited):
            given = type(given.__name__, (Audited, given), {"__module__": given.__module__})
        super().register(model_or_iterable, given, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Wraps `view` so that what it does and what is logged about it are there together or not at all."""
        checked: Callable[..., HttpResponse] = super().admin_view(view, cacheable)

        @wraps(checked)
        def whole(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method in SAFE or getattr(view, "own_transaction", False):
                return checked(request, *args, **kwargs)
            with transaction.atomic():
                return checked(request, *args, **kwargs)

        return whole
