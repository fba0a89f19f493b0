"""Staff's view of people, apps, keys and connections."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.models import DEFAULT_SCOPES, SCOPES, ApiKey, ClientApp, Connection, Event, IdempotencyRecord

# Only the stubs know these classes as generic; Django's own cannot be subscripted.
if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
else:
    Admin, Inline = admin.ModelAdmin, admin.TabularInline


class ReadOnly:
    """Rows that are looked at and never changed here, by nobody."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, Admin):
    """A page of such rows."""

    show_full_result_count = False


class IssueKeyForm(forms.Form):
    """What a new key may do."""

    label = forms.CharField(max_length=80, required=False, help_text=_("What it is for; only staff see this."))
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], initial=DEFAULT_SCOPES, widget=forms.CheckboxSelectMultiple
    )


class KeysOfApp(ReadOnly, Inline):
    """An app's keys on its page."""

    model = ApiKey
    fields = readonly_fields = ("__str__", "label", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    verbose_name_plural = _("keys")
    show_change_link = True
    extra = 0


@admin.register(ClientApp)
class ClientAppAdmin(Admin):
    """The family of apps. A slug is written into entries and project lists for good, so it is set once."""

    list_display = ("name", "slug", "first_party", "is_active", "live_keys", "created_at")
    inlines = (KeysOfApp,)
    change_form_template = "admin/accounts/clientapp/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: ClientApp | None = None) -> tuple[str, ...]:
        return ("slug", "created_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ClientApp | None = None) -> bool:
        return False

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
        plaintext = ""
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            key, plaintext = services.create_api_key(app=app, scopes=data["scopes"], label=data["label"])
            self.log_change(request, app, f"Issued key {key} with {', '.join(key.scopes)}.")
        context = {**self.admin_site.each_context(request), "title": _("Issue a key"), "app": app, "opts": self.opts}
        response = render(
            request, "admin/accounts/clientapp/issue_key.html", {**context, "form": form, "plaintext": plaintext}
        )
        response["Cache-Control"] = "no-store"
        return response


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys: what they may do, when they were last used, and revoking them."""

    list_display = ("__str__", "app", "label", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("app", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("app",)
    search_fields = ("lookup", "label")
    exclude = ("secret_hash",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        live = list(keys.filter(revoked_at__isnull=True))
        for key in live:
            services.revoke_api_key(key=key)
            self.log_change(request, key, "Revoked.")
        self.message_user(request, _("%d keys revoked.") % len(live))

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


@admin.register(LogEntry)
class AuditLogAdmin(ReadOnlyAdmin):
    """What staff did, when, and to what."""

    list_display = ("action_time", "user", "content_type", "object_repr", "__str__")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message", "user__email")
