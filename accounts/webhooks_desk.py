"""Staff's pages of webhooks: an app's addresses, their secrets, shown once, and how each telling went."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import webhooks
from accounts.admin_site import Audited
from accounts.admin_tools import ReadOnlyAdmin, show_once
from accounts.errors import InvalidField
from accounts.events_api import EVENT_TYPES
from accounts.models import ClientApp, User, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import targets


def _types() -> Any:
    return forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(name, name) for name in EVENT_TYPES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("All of them when none is chosen."),
    )


def _clean_url(form: Any) -> str:
    url: str = form.cleaned_data["url"]
    try:
        targets.check(url)
    except InvalidField as refusal:
        raise forms.ValidationError(refusal.detail) from None
    return url


class AddWebhookForm(forms.Form):
    """A new address of an app."""

    url = forms.CharField(label=_("Address"), max_length=targets.MAX_URL, help_text=_("https://…, on the internet"))
    types = _types()
    clean_url = _clean_url


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """An address as it is."""

    types = _types()
    clean_url = _clean_url

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "types", "is_active")


class WebhookDesk:
    """What ClientAppAdmin shows at `<pk>/add-webhook/`."""

    admin_site: admin.AdminSite
    log_history: Any

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.add_webhook)
        rest: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<int:pk>/add-webhook/", page, name="accounts_clientapp_add_webhook"), *rest]

    def add_webhook(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A form for a new address; its answer is the only page that ever shows the secret."""
        app = get_object_or_404(ClientApp, pk=pk)
        if not request.user.has_perm("accounts.add_webhookendpoint"):
            raise PermissionDenied
        form = AddWebhookForm(request.POST or None)

        def make() -> str:
            made, plain = webhooks.add_endpoint(app=app, **form.cleaned_data)
            self.log_act(request, made, "webhook.added", f"Added {made}.")  # type: ignore[attr-defined]
            return plain

        return show_once(self, request, app, form, make, _("Add a webhook"), kept=_("it is kept sealed"))  # type: ignore[arg-type]


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Audited):
    """Addresses of apps that are told of events."""

    form = WebhookForm
    list_display = ("url", "app", "is_active", "failing_since", "pending", "failed", "disabled_because")
    list_filter = ("is_active", "app")
    list_select_related = ("app",)
    search_fields = ("url",)
    fields = ("app", "url", "types", "is_active", "disabled_because", "failing_since", "position", "created_at")
    readonly_fields = ("app", "disabled_because", "failing_since", "position", "created_at")
    change_form_template = "admin/accounts/webhookendpoint/change_form.html"
    actions = ("replay_failed",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # From the page of its app, which shows the secret.
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        status = WebhookDelivery.Status
        counts = {
            name: Count("deliveries", filter=Q(deliveries__status=value))
            for name, value in (("n_pending", status.PENDING), ("n_failed", status.FAILED))
        }
        return WebhookEndpoint.objects.annotate(**counts)

    @admin.display(description=_("pending"), ordering="n_pending")
    def pending(self, endpoint: Any) -> int:
        return int(endpoint.n_pending)

    @admin.display(description=_("failed"), ordering="n_failed")
    def failed(self, endpoint: Any) -> int:
        return int(endpoint.n_failed)

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        if obj.is_active and "is_active" in form.changed_data:
            obj.disabled_because, obj.failing_since = "", None
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.rotate)
        return [path("<int:pk>/rotate/", page, name="accounts_webhookendpoint_rotate"), *super().get_urls()]

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new secret; the one before signs as well for a day."""
        endpoint = get_object_or_404(WebhookEndpoint.objects.select_related("app"), pk=pk)
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied

        def make() -> str:
            plain = webhooks.rotate_secret(endpoint=endpoint)
            self.log_act(request, endpoint, "webhook.secret_rotated", "A new secret; the old one signs for a day more.")
            return plain

        form = forms.Form(request.POST if request.method == "POST" else None)
        return show_once(self, request, endpoint.app, form, make, _("Make a new secret"), kept=_("it is kept sealed"))

    @admin.action(description=_("Replay what failed at the selected addresses"), permissions=["change"])
    def replay_failed(self, request: HttpRequest, endpoints: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in list(endpoints):
            count = webhooks.replay(endpoint.deliveries.filter(status=WebhookDelivery.Status.FAILED))
            self.log_act(request, endpoint, "webhook.replayed", f"Replayed {count} deliveries that had failed.")
            _say_replayed(self, request, count)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """How each telling went: what was answered, how often it was tried, and when it is tried again."""

    list_display = ("id", "event_type", "owner", "endpoint", "status", "attempts", "answered", "error", "due_at")
    list_filter = ("status", "endpoint", "event__type")
    list_select_related = ("endpoint__app", "event__user")
    search_fields = ("event__user__user_id", "endpoint__url")
    actions = ("replay",)
    fields = (
        "message_id",
        "endpoint",
        "event_type",
        "owner",
        "status",
        "attempts",
        "answered",
        "error",
        "took_ms",
        "due_at",
        "created_at",
        "delivered_at",
        "body",
    )
    readonly_fields = ("message_id", "event_type", "owner", "body")

    def person_of(self, obj: Model) -> User | None:
        return obj.event.user if isinstance(obj, WebhookDelivery) else None

    @admin.display(description=_("event"))
    def event_type(self, delivery: WebhookDelivery) -> str:
        return delivery.event.type

    @admin.display(description=_("user"))
    def owner(self, delivery: WebhookDelivery) -> str:
        return delivery.event.user.user_id

    @admin.display(description=_("body"))
    def body(self, delivery: WebhookDelivery) -> str:
        return webhooks.body_of(delivery.event).decode()

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_webhookdelivery")

    @admin.action(description=_("Replay the selected deliveries"), permissions=["replay"])
    def replay(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        for delivery in deliveries:
            self.log_act(request, delivery, "webhook.replayed", f"Replayed {delivery.message_id}.")
        _say_replayed(self, request, webhooks.replay(deliveries))


def _say_replayed(desk: Audited, request: HttpRequest, count: int) -> None:
    told = ngettext("%d delivery is told again.", "%d deliveries are told again.", count)
    desk.message_user(request, told % count)
