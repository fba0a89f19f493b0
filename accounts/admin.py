"""Staff's view of people, apps, keys and connections."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import allauth.idp.oidc.admin  # noqa: F401  (what it registers is taken back below)
from allauth.idp.oidc.models import Client, Token
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

import accounts.allauth_admin  # noqa: F401  (registers its pages)
from accounts import logos, services
from accounts.admin_tools import Admin, ReadOnlyAdmin, ReadOnlyRows, show_once
from accounts.errors import InvalidField
from accounts.models import (
    DEFAULT_SCOPES,
    SCOPES,
    ApiKey,
    AuditEntry,
    ClientApp,
    Connection,
    Event,
    IdempotencyRecord,
    WebhookEndpoint,
)
from accounts.oidc.desk import SignInDesk
from accounts.webhooks_desk import WebhookDesk

# allauth's own pages would make registrations that belong to no app, and show people's tokens.
admin.site.unregister([Client, Token])

# Only the stubs know this class as generic; Django's own cannot be subscripted.
if TYPE_CHECKING:
    AppForm = forms.ModelForm[ClientApp]
else:
    AppForm = forms.ModelForm


class ValidityForm(forms.Form):
    """How long a new key is good for."""

    valid_for = forms.TypedChoiceField(
        label=_("Valid for"),
        required=False,
        coerce=lambda days: timedelta(days=int(days)),
        empty_value=None,
        choices=[("", _("until revoked")), (30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
    )

    def expires_at(self) -> datetime | None:
        length: timedelta | None = self.cleaned_data["valid_for"]
        return None if length is None else timezone.now() + length


class IssueKeyForm(ValidityForm):
    """What a new key may do."""

    label = forms.CharField(max_length=80, required=False, help_text=_("What it is for; only staff see this."))
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], initial=DEFAULT_SCOPES, widget=forms.CheckboxSelectMultiple
    )


class RotateKeyForm(ValidityForm):
    """How long the key that is replaced still works."""

    grace = forms.TypedChoiceField(
        label=_("The old key works for"),
        coerce=lambda hours: timedelta(hours=int(hours)),
        choices=[(24, _("a day")), (1, _("an hour")), (168, _("a week")), (720, _("30 days")), (0, _("not any more"))],
    )


class KeysOfApp(ReadOnlyRows):
    """An app's keys on its page."""

    model = ApiKey
    fields = readonly_fields = ("__str__", "label", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    verbose_name_plural = _("keys")
    show_change_link = True


class WebhooksOfApp(ReadOnlyRows):
    """Where an app is told of events, on its page."""

    model = WebhookEndpoint
    fields = readonly_fields = ("url", "types", "is_active", "failing_since", "disabled_because")
    show_change_link = True


class ClientAppForm(AppForm):
    """An app with its logo, which comes out of `clean` as we drew it."""

    logo = forms.FileField(required=False, help_text=_("A square PNG, JPEG or WebP picture, 128 pixels or more."))
    remove_logo = forms.BooleanField(required=False, help_text=_("Show the app's initial on its colour instead."))

    def clean_logo(self) -> bytes:
        file = self.cleaned_data["logo"]
        try:
            return logos.draw(file.read(logos.MAX_BYTES + 1)) if file else b""
        except InvalidField as refusal:
            raise forms.ValidationError(refusal.detail) from None


@admin.register(ClientApp)
class ClientAppAdmin(SignInDesk, WebhookDesk, Admin):
    """The family of apps. A slug is written into entries and project lists for good, so it is set once."""

    form = ClientAppForm
    list_display = ("name", "slug", "first_party", "is_active", "live_keys", "created_at")
    inlines = (KeysOfApp, WebhooksOfApp)
    change_form_template = "admin/accounts/clientapp/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: ClientApp | None = None) -> tuple[str, ...]:
        return ("slug", "created_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ClientApp | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ClientApp, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data["logo"]:
            logos.set_logo(app=obj, drawn=form.cleaned_data["logo"])
        elif form.cleaned_data["remove_logo"]:
            logos.remove_logo(app=obj)

    @admin.display(description=_("live keys"))
    def live_keys(self, app: ClientApp) -> int:
        return app.keys.live().count()

    def get_urls(self) -> list[URLPattern]:
        issue = self.admin_site.admin_view(self.issue_key)
        return [path("<int:pk>/issue-key/", issue, name="accounts_clientapp_issue_key"), *super().get_urls()]

    def issue_key(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A form for a new key; its answer is the only page that ever shows the key."""
        app = get_object_or_404(ClientApp, pk=pk)
        if not request.user.has_perm("accounts.add_apikey"):
            raise PermissionDenied
        form = IssueKeyForm(request.POST or None)

        def make() -> str:
            chosen = form.cleaned_data
            key, plaintext = services.create_api_key(
                app=app, scopes=chosen["scopes"], label=chosen["label"], expires_at=form.expires_at()
            )
            self.log_history(request, app, f"Issued key {key} with {', '.join(key.scopes)}.")
            return plaintext

        return show_once(self, request, app, form, make, _("Issue a key"))


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys: what they may do, when they were last used, and revoking them."""

    list_display = ("__str__", "app", "label", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("app", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("app",)
    search_fields = ("lookup", "label")
    exclude = ("secret_hash",)
    actions = ("revoke",)
    change_form_template = "admin/accounts/apikey/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        rotate = self.admin_site.admin_view(self.rotate)
        return [path("<int:pk>/rotate/", rotate, name="accounts_apikey_rotate"), *super().get_urls()]

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A form for the key that takes another's place; the old one works on for a while."""
        key = get_object_or_404(ApiKey.objects.select_related("app"), pk=pk)
        if not request.user.has_perms(["accounts.add_apikey", "accounts.change_apikey"]):
            raise PermissionDenied
        form = RotateKeyForm(request.POST or None)

        def make() -> str:
            grace = form.cleaned_data["grace"]
            new, plaintext = services.rotate_api_key(key=key, grace=grace, expires_at=form.expires_at())
            self.log_history(request, key, f"Replaced by {new}; works for {grace} more.")
            return plaintext

        return show_once(self, request, key.app, form, make, _("Replace a key"))

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        # All of them before the first: who holds the audit log's lock must not wait for a key.
        live = list(keys.filter(revoked_at__isnull=True).select_for_update(of=("self",)).order_by("pk"))
        for key in live:
            services.revoke_api_key(key=key)
            self.log_history(request, key, "Revoked.")
        self.message_user(request, ngettext("%d key revoked.", "%d keys revoked.", len(live)) % len(live))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("user", "app", "daily_cap", "created_at", "disconnected_at")
    list_filter = ("app",)
    search_fields = ("user__user_id", "user__email")
    list_select_related = ("user", "app")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "type", "user", "created_at")
    list_filter = ("type",)
    search_fields = ("user__user_id",)
    list_select_related = ("user",)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    list_display = ("key", "app", "endpoint", "status", "created_at")
    list_filter = ("app", "endpoint")
    search_fields = ("key",)
    exclude = ("body",)
    readonly_fields = ("answer",)

    @admin.display(description=_("answer"))
    def answer(self, record: IdempotencyRecord) -> str:
        return bytes(record.body).decode("utf-8", "replace")

    def get_fields(self, request: HttpRequest, obj: IdempotencyRecord | None = None) -> Any:
        return ("app", "endpoint", "key", "status", "content_type", "answer", "created_at")


ABOUT = ("person__email", "person__user_id")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """What staff did and what happened to keys. `manage.py check_audit_log` proves that nobody rewrote it."""

    list_display = ("id", "created_at", "action", "actor", "kind", "object_id", "said", "address")
    list_filter = ("action", "kind", "created_at")
    list_select_related = ("actor",)
    search_fields = ("action", "object_id", "request_id", "details", "actor__email", "actor__user_id", *ABOUT)
    fields = ("id", "created_at", "action", "actor", "kind", "object_id", "person", "request_id", "facts", "hash")

    @admin.display(description=_("what"))
    def said(self, entry: AuditEntry) -> str:
        return str(entry.facts.get("said", ""))

    @admin.display(description=_("address"))
    def address(self, entry: AuditEntry) -> str:
        return str(entry.facts.get("address", ""))

    def get_readonly_fields(self, request: HttpRequest, obj: AuditEntry | None = None) -> tuple[str, ...]:
        return ("facts",)
