"""Closing one's account: what goes and what stays is said first, then it is asked for, and then it is done."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.browser import person
from accounts.models import Connection, User
from credits import services as credits
from workspace import services
from workspace.models import Project, Workspace


class CloseForm(forms.Form):
    """The address, typed by hand: nobody closes an account by a slip."""

    email = forms.CharField(
        label=_("Your email address"),
        max_length=254,
        help_text=_("Type it as it stands above, so that this is no slip."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, user: User, *args: Any) -> None:
        super().__init__(*args)
        self._user = user

    def clean_email(self) -> str:
        typed = str(self.cleaned_data["email"]).strip().lower()
        if typed != self._user.email:
            raise forms.ValidationError(_("This is not the address of this account."))
        return typed


@login_required
@reauthentication_required(app="allauth.account")  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def close(request: HttpRequest) -> HttpResponse:
    """Say what goes and what stays; with the address typed, close the account and sign its person out."""
    user = person(request)
    form = CloseForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid() and not user.is_staff:
        services.close_account(user=user)
        logout(request)
        return redirect("account_closed")
    status = 400 if form.is_bound else 200
    return render(request, "accounts/close.html", {"form": form, **_what_goes(user)}, status=status)


def _what_goes(user: User) -> dict[str, Any]:
    workspace = Workspace.objects.filter(user=user).first()
    return {
        "projects": Project.objects.owned_by(user).count(),
        "used_bytes": workspace.used_bytes if workspace else 0,
        "wallet": credits.wallet_of(user=user),
        "connections": Connection.objects.filter(user=user, disconnected_at__isnull=True).count(),
    }


@require_safe
def closed(request: HttpRequest) -> HttpResponse:
    """Goodbye."""
    return render(request, "accounts/closed.html")
