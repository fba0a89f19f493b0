"""Staff's pages of webhooks: an app's addresses, their secrets, shown once, and how each telling went."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import webhooks
from accounts.admin_site import Audited, own_transaction
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


def _fault_of(url: str) -> str:
    """Why an address must not be called; empty for one that may be. Asks the network."""
    try:
        targets.check(url)
    except InvalidField as refusal:
        return refusal.detail
    return ""


class AddWebhookForm(forms.Form):
    """A new address of an app."""

    url = forms.CharField(label=_("Address"), max_length=targets.MAX_URL, help_text=_("https://…, on the internet"))
    types = _types()


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """An address as it is."""

    types = _types()
    # What was found out about the address before the page's transaction began.
    fault = ""

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "types", "is_active")

    def clean_url(self) -> str:
        if self.fault:
            raise forms.ValidationError(self.fault)
        return str(self.cleaned_data["url"])


class ReplayForm(forms.Form):
    """From when on what failed is told again."""

    since = forms.DateTimeField(
        label=_("What failed since"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("When it was to be told first; UTC."),
    )


class WebhookDesk:
    """What ClientAppAdmin shows at `<pk>/add-webhook/`."""

    admin_site: admin.AdminSite
    log_history: Any

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.add_webhook)
        rest: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<int:pk>/add-webhook/", page, name="accounts_clientapp_add_webhook"), *rest]

    @own_transaction
    def add_webhook(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A form for a new address; its answer is the only page that ever shows the secret."""
        app = get_object_or_404(ClientApp, pk=pk)
        if not request.user.has_perm("accounts.add_webhookendpoint"):
            raise PermissionDenied
        form = AddWebhookForm(request.POST or None)

        def make() -> str:
            made, plain = webhooks.add_endpoint(app=app, **form.cleaned_data)
            self.log_history(request, made, f"Added {made}.")
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

    @own_transaction
    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Looks the address up before anything is locked."""
        if request.method == "POST" and self.has_change_permission(request):
            request.webhook_fault = _fault_of(request.POST.get("url", ""))  # type: ignore[attr-defined]
        with transaction.atomic():
            return super().change_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        made: Any = super().get_form(request, *args, **kwargs)
        made.fault = getattr(request, "webhook_fault", "")
        return made

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        webhooks.save_endpoint(endpoint=obj)

    def get_urls(self) -> list[URLPattern]:
        pages = {"rotate": self.rotate, "test": self.test, "replay": self.replay_since}
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(page), name=f"accounts_webhookendpoint_{name}")
            for name, page in pages.items()
        ]
        return [*own, *super().get_urls()]

    def _endpoint(self, request: HttpRequest, pk: int) -> WebhookEndpoint:
        """The address a page is about. Raises PermissionDenied for whoever may not change it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(WebhookEndpoint.objects.select_related("app"), pk=pk)

    def _page(
        self, request: HttpRequest, endpoint: WebhookEndpoint, form: forms.Form, title: Any, about: Any
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": title, "about": about, "opts": self.opts}
        return render(request, "admin/accounts/webhookendpoint/act.html", {**context, "form": form, "on": endpoint})

    @own_transaction
    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Sends a message about nobody, and says how it was answered."""
        endpoint = self._endpoint(request, pk)
        if request.method != "POST":
            about = _("It tells the address something about nobody, and shows what it answers.")
            return self._page(request, endpoint, forms.Form(), _("Send a test message"), about)
        answer = webhooks.send_test(endpoint=endpoint)
        facts = {"status": answer.status or "–", "ms": answer.took_ms, "error": answer.error}
        with transaction.atomic():
            said = f"Sent a test message: {facts['status']} {answer.error}"
            self.log_act(request, endpoint, "webhook.tested", said.strip())
        told = _("It was accepted: %(status)s, after %(ms)d ms.") if answer.accepted else _("Not accepted: %(error)s.")
        messages.add_message(request, messages.SUCCESS if answer.accepted else messages.ERROR, told % facts)
        return redirect("admin:accounts_webhookendpoint_change", pk)

    def replay_since(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Tells again what was given up since a time."""
        endpoint = self._endpoint(request, pk)
        since = endpoint.failing_since or timezone.now() - timedelta(days=1)
        form = ReplayForm(request.POST or None, initial={"since": since})
        if request.method != "POST" or not form.is_valid():
            about = _("What was given up since then is told again, each with the number it had.")
            return self._page(request, endpoint, form, _("Replay what failed"), about)
        since = form.cleaned_data["since"]
        count = webhooks.replay_failed(endpoint=endpoint, since=since)
        self.log_act(
            request, endpoint, "webhook.replayed", f"Replayed {count} that had failed since {since:%F %R} UTC."
        )
        _say_replayed(self, request, count)
        return redirect("admin:accounts_webhookendpoint_change", pk)

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new secret; the one before signs as well for a day."""
        endpoint = self._endpoint(request, pk)

        def make() -> str:
            plain = webhooks.rotate_secret(endpoint=endpoint)
            self.log_act(request, endpoint, "webhook.secret_rotated", "A new secret; the old one signs for a day more.")
            return plain

        form = forms.Form(request.POST if request.method == "POST" else None)
        return show_once(self, request, endpoint.app, form, make, _("Make a new secret"), kept=_("it is kept sealed"))

    @admin.action(description=_("Replay what failed at the selected addresses"), permissions=["change"])
    def replay_failed(self, request: HttpRequest, endpoints: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in list(endpoints):
            count = webhooks.replay_failed(endpoint=endpoint)
            self.log_act(request, endpoint, "webhook.replayed", f"Replayed {count} deliveries that had failed.")
            _say_replayed(self, request, count)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """How each telling went: what was answered, how often it was tried, and when it is tried again."""

    list_display = ("id", "event_type", "owner", "endpoint", "status", "attempts", "answered", "error", "due_at")
    list_filter = ("status", "endpoint__app", "endpoint", "event__type")
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
        "tries",
        "body",
    )
    readonly_fields = ("message_id", "event_type", "owner", "tries", "body")

    def person_of(self, obj: Model) -> User | None:
        return obj.event.user if isinstance(obj, WebhookDelivery) else None

    @admin.display(description=_("event"))
    def event_type(self, delivery: WebhookDelivery) -> str:
        return delivery.event.type

    @admin.display(description=_("user"))
    def owner(self, delivery: WebhookDelivery) -> str:
        return delivery.event.user.user_id

    @admin.display(description=_("latest attempts"))
    def tries(self, delivery: WebhookDelivery) -> str:
        """When each was made, what was answered or went wrong, and how long it took."""
        rows = [(one["at"][:19], one["status"] or "–", one["ms"], one["error"]) for one in delivery.history]
        return format_html_join("", "<div>{} UTC: {}, {} ms {}</div>", rows) or "–"

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
