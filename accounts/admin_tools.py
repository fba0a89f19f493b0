"""What the pages of several models in the admin have in common: rows nobody changes, and secrets shown once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.admin_site import Audited
from accounts.errors import DomainError
from accounts.models import ClientApp

# Only the stubs know this class as generic; Django's own cannot be subscripted.
if TYPE_CHECKING:
    Inline = admin.TabularInline[Any, Any]
else:
    Inline = admin.TabularInline

Admin = Audited


class ReadOnly:
    """Rows that are looked at and never changed here, by nobody."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyRows(ReadOnly, Inline):
    """Such rows on the page of what they belong to."""

    template = "admin/read_rows.html"
    extra = 0


class ReadOnlyAdmin(ReadOnly, Admin):
    """A page of such rows."""

    show_full_result_count = False


def show_once(
    desk: Admin,
    request: HttpRequest,
    app: ClientApp,
    form: forms.Form,
    make: Callable[[], str],
    title: Promise,
    kept: Promise | None = None,
) -> HttpResponse:
    """A form whose answer is the only page that ever shows the secret that `make` made."""
    plaintext = ""
    if request.method == "POST" and form.is_valid():
        try:
            plaintext = make()
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
    context = {**desk.admin_site.each_context(request), "title": title, "app": app, "opts": desk.opts}
    page = "admin/accounts/clientapp/issue_key.html"
    response = render(
        request, page, {**context, "form": form, "plaintext": plaintext, "kept": kept or _("only its hash is kept")}
    )
    response["Cache-Control"] = "no-store"
    return response
