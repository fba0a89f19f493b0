"""Where allauth asks us: what its mails say, who may go on without proving themselves again, and how."""

import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User

# Whether a request names us rightly is up to its sender: what a mail says of this place comes from PUBLIC_URL.
PLACE = SimpleNamespace(name="Unified", domain=urlsplit(settings.PUBLIC_URL).netloc)
LINKS = {"signup_url": "account_signup", "password_reset_url": "account_reset_password"}


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in as it is here: see docs/security.md."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        pinned = {name: f"{settings.PUBLIC_URL}{reverse(page)}" for name, page in LINKS.items() if name in context}
        super().send_mail(template_prefix, email, {**context, **pinned, "current_site": PLACE})

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        return reverse("account")

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """A second factor where there is one, never the password alone beside it; without either, a code by mail."""
        methods = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"] != "reauthenticate"]
        by_code = {"id": "code", "description": _("Email me a code"), "url": reverse("reauthenticate_by_code")}
        return factors or methods or [by_code]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """allauth lets whoever has neither password nor factor go on; here they prove that they read their mail."""
        request = context.request
        if not get_reauthentication_flows(request.user) and not _recently_proved(request):
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **kwargs))


def _recently_proved(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    moments = [record["at"] for record in records if record.get("reauthenticated")]
    return bool(moments) and time.time() - moments[-1] < app_settings.REAUTHENTICATION_TIMEOUT
