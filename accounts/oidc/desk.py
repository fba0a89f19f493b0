"""Staff's page of an app's "Sign in with Unified": where people go back to, what it may ask for, its secret."""

from typing import Any

from allauth.idp.oidc.models import Client
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.models import ClientApp
from accounts.oidc import clients


class SignInForm(forms.Form):
    """An app's registration."""

    redirect_uris = forms.CharField(
        label=_("Addresses to go back to"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One per line, letter by letter as the app sends it."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("May ask for"),
        choices=[(scope, f"{scope}: {words}") for scope, words in consents.WORDS.items() if scope != "openid"],
        initial=["profile", "email"],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    new_secret = forms.BooleanField(
        label=_("Issue a new secret"), required=False, help_text=_("The one before stops working at once.")
    )

    def clean_redirect_uris(self) -> list[str]:
        uris = [line.strip() for line in self.cleaned_data["redirect_uris"].splitlines() if line.strip()]
        faults = [f"{uri} {fault}" for uri in uris if (fault := clients.fault_of(uri))]
        if faults:
            raise forms.ValidationError(faults)
        return uris


class SignInDesk:
    """What ClientAppAdmin shows at `<pk>/sign-in/`."""

    admin_site: admin.AdminSite
    opts: Any
    log_history: Any

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.sign_in)
        rest: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<int:pk>/sign-in/", page, name="accounts_clientapp_sign_in"), *rest]

    def sign_in(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The registration; the answer to a change is the only page that ever shows a new secret."""
        app = get_object_or_404(ClientApp, pk=pk)
        if not request.user.has_perms(["accounts.change_clientapp", "accounts.add_apikey"]):
            raise PermissionDenied
        client = Client.objects.filter(pk=app.slug).first()
        form, secret = SignInForm(request.POST or None, initial=_as_it_is(client)), ""
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data
            client = clients.register(app=app, redirect_uris=chosen["redirect_uris"], scopes=chosen["scopes"])
            secret = clients.issue_secret(app=app) if chosen["new_secret"] or not client.secret else ""
            did = f"Sign-in: {', '.join(chosen['redirect_uris'])} may ask for {', '.join(client.get_scopes())}."
            self.log_history(request, app, did + (" Issued a new secret." if secret else ""))
        context = {**self.admin_site.each_context(request), "title": _("Sign in with Unified"), "opts": self.opts}
        facts = {"app": app, "form": form, "secret": secret, "client": client, "issuer": settings.PUBLIC_URL}
        response = render(request, "admin/accounts/clientapp/sign_in.html", {**context, **facts})
        response["Cache-Control"] = "no-store"
        return response


def _as_it_is(client: Client | None) -> dict[str, Any] | None:
    if client is None:
        return None
    return {"redirect_uris": "\n".join(client.get_redirect_uris()), "scopes": client.get_scopes()}
