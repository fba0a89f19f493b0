"""The door of the admin: staff come in through the sign-in of everybody, and with a second factor."""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.models import User

DOOR = "/admin/"
OPEN = ("/admin/login/", "/admin/logout/")
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class StaffDoorMiddleware:
    """Lets staff who proved a second factor in this session into the admin; it stands before the wall is lifted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(DOOR) or request.path.startswith(OPEN):
            return self.get_response(request)
        return self._sent_elsewhere(request) or self.get_response(request)

    def _sent_elsewhere(self, request: HttpRequest) -> HttpResponseBase | None:
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise PermissionDenied
        if not settings.STAFF_NEED_SECOND_FACTOR or _proved_factor(request):
            return None
        if not is_mfa_enabled(request.user, FACTORS):
            return redirect("mfa_index")
        method = get_adapter(request).get_reauthentication_methods(request.user)[0]
        return redirect_to_login(request.get_full_path(), method["url"])


def _proved_factor(request: HttpRequest) -> bool:
    return any(record["method"] == "mfa" for record in get_authentication_records(request, request.user))
