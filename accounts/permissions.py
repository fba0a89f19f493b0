"""What a caller may do: an app what its scopes say, a person what a view opens to browsers."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import rate_limits
from accounts.access_tokens import AccessToken, AppCaller


class CallerMay(BasePermission):
    """Reads three tables off the view: `scopes` (action → scope an app needs), `browser_actions`, `token_actions`.

    An action missing from `scopes` is closed to apps, one missing from `browser_actions` to people, one missing from
    `token_actions` as well to an app with a person's token: a new route is shut until somebody opens it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in (None, "metadata"):  # a method this route does not have, or OPTIONS: DRF answers 405
            return True
        if isinstance(request.auth, AppCaller):
            return self._app_may(request.auth, view)
        if not request.user.is_authenticated:
            rate_limits.refuse_strangers(request)
            raise NotAuthenticated
        if view.action not in getattr(view, "browser_actions", frozenset()):
            raise PermissionDenied("Only client apps may call this, with their key.", code="apps_only")
        return True

    def _app_may(self, caller: AppCaller, view: Any) -> bool:
        scope = view.scopes.get(view.action)
        if scope is None or scope not in caller.scopes:
            raise PermissionDenied(f"This {_kind(caller)} lacks the scope '{scope}'.", code="missing_scope")
        opened = getattr(view, "browser_actions", frozenset()) | getattr(view, "token_actions", frozenset())
        if isinstance(caller, AccessToken) and view.action not in opened:
            raise PermissionDenied("Only an app key may call this, not a person's token.", code="apps_only")
        return True


def _kind(caller: AppCaller) -> str:
    return "token" if isinstance(caller, AccessToken) else "key"
