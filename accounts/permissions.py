"""What a caller may do: an app what its key's scopes say, a person what a view opens to browsers."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey


class CallerMay(BasePermission):
    """Reads two tables off the view: `scopes` (action → scope an app needs) and `browser_actions`.

    An action missing from `scopes` is closed to apps, one missing from `browser_actions` to people: a new route is
    shut until somebody opens it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in (None, "metadata"):  # a method this route does not have, or OPTIONS: DRF answers 405
            return True
        if isinstance(request.auth, ApiKey):
            return self._app_may(request.auth, view)
        if not request.user.is_authenticated:
            raise NotAuthenticated
        if view.action not in getattr(view, "browser_actions", frozenset()):
            raise PermissionDenied("Only client apps may call this, with their key.", code="apps_only")
        return True

    def _app_may(self, key: ApiKey, view: Any) -> bool:
        scope = view.scopes.get(view.action)
        if scope is None or scope not in key.scopes:
            raise PermissionDenied(f"This key lacks the scope '{scope}'.", code="missing_scope")
        return True
