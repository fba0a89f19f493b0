"""Staff's view of the ledger, which nobody edits, and the price book, which only grows."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

import credits.purchases_admin  # noqa: F401  (registers its pages)
from accounts.admin_tools import Admin, ReadOnlyAdmin, ReadOnlyRows
from accounts.models import User
from credits import giving, pricing
from credits.models import Allocation, ChargeKey, Entry, Grant, GrantBatch, Hold, HoldAllocation, Price, Wallet

OWNER = ("wallet__user__user_id", "wallet__user__email")


class AllocationsOfEntry(ReadOnlyRows):
    model = Allocation
    fields = readonly_fields = ("grant", "amount")


class AllocationsOfHold(ReadOnlyRows):
    model = HoldAllocation
    fields = readonly_fields = ("grant", "amount")


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("user", "balance", "held", "available", "version", "next_due_at")
    list_select_related = ("user",)
    search_fields = ("user__user_id", "user__email", "user__username")
    fields = ("user", "balance", "held", "available", "version", "head_hash", "next_due_at")


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "transaction_type", "amount", "balance_after", "app", "description", "created_at")
    list_filter = ("transaction_type", "app")
    list_select_related = ("wallet__user", "app")
    search_fields = ("id", "project_code", *OWNER)
    ordering = ("-id",)
    readonly_fields = ("owner",)
    fields = (
        "id",
        "owner",
        "wallet",
        "version",
        "app",
        "transaction_type",
        "amount",
        "balance_after",
        "description",
        "project_code",
        "related",
        "hold",
        "created_at",
        "hash",
    )
    inlines = (AllocationsOfEntry,)

    @admin.display(description=_("user"), ordering="wallet__user__user_id")
    def owner(self, entry: Entry) -> str:
        return entry.wallet.user.user_id


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "source", "priority", "amount", "remaining", "held", "expires_at", "created_at")
    list_filter = ("source", ("expires_at", admin.EmptyFieldListFilter))
    list_select_related = ("wallet__user",)
    search_fields = OWNER
    ordering = ("-id",)
    readonly_fields = ("owner",)

    @admin.display(description=_("user"), ordering="wallet__user__user_id")
    def owner(self, grant: Grant) -> str:
        return grant.wallet.user.user_id


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    list_display = ("id", "entry", "grant", "amount")
    list_select_related = ("entry", "grant")
    search_fields = ("entry__id",)
    ordering = ("-id",)


def _may_release(request: HttpRequest) -> bool:
    return request.user.has_perm("credits.change_hold")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "app", "amount", "captured", "storage_bytes", "status", "expires_at", "created_at")
    list_filter = ("status", "app")
    list_select_related = ("wallet__user", "app")
    search_fields = ("id", *OWNER)
    readonly_fields = ("owner",)
    ordering = ("-id",)
    inlines = (AllocationsOfHold,)
    change_form_template = "admin/credits/hold/change_form.html"

    def person_of(self, obj: Model) -> User | None:
        return obj.wallet.user if isinstance(obj, Hold) else None

    def get_urls(self) -> list[URLPattern]:
        release = self.admin_site.admin_view(self.release)
        return [path("<str:pk>/release/", release, name="credits_hold_release"), *super().get_urls()]

    def release(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Let the hold go, though its app has not."""
        if not _may_release(request):
            raise PermissionDenied
        hold = get_object_or_404(Hold.objects.select_related("wallet__user", "app"), pk=pk)
        return giving.release_page(request, self, hold, back=reverse("admin:credits_hold_change", args=[hold.pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        active = context["original"].status == Hold.Status.ACTIVE
        context["may_release"] = active and _may_release(request)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("user"), ordering="wallet__user__user_id")
    def owner(self, hold: Hold) -> str:
        return hold.wallet.user.user_id


@admin.register(ChargeKey)
class ChargeKeyAdmin(ReadOnlyAdmin):
    list_display = ("key", "app", "status", "created_at")
    list_filter = ("status", "app")
    list_select_related = ("app",)
    search_fields = ("key",)
    ordering = ("-id",)


@admin.register(GrantBatch)
class GrantBatchAdmin(ReadOnlyAdmin):
    """Bonus credits given to many people at once: from the user list, the API or the command line."""

    list_display = ("created_at", "amount", "count", "total", "reason", "made_by", "expires_at", "priority")
    list_select_related = ("made_by",)
    search_fields = ("key", "reason")
    ordering = ("-id",)

    def total(self, batch: GrantBatch) -> int:
        return batch.amount * batch.count


@admin.register(Price)
class PriceAdmin(Admin):
    """The price book. Saving a price adds its next version; what was charged or is on hold keeps the old one."""

    list_display = ("operation", "app", "credits", "unit", "in_force", "created_at", "retired_at")
    list_filter = ("app", ("retired_at", admin.EmptyFieldListFilter))
    list_select_related = ("app",)
    search_fields = ("operation",)
    fields = ("app", "operation", "credits", "unit", "created_at", "retired_at")
    actions = ("retire",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        current = Q(pk__in=[price.pk for price in pricing.current()])
        return Price.objects.annotate(current=ExpressionWrapper(current, output_field=BooleanField()))

    @admin.display(boolean=True, ordering="current")
    def in_force(self, price: Any) -> bool:
        return bool(price.current)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # An older version is history, and what is no longer sold comes back as a new price.
        return super().has_change_permission(request, obj) and getattr(obj, "current", True)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        fixed = ("created_at", "retired_at")
        return ("app", "operation", *fixed) if obj else fixed

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        new = pricing.set_price(app=obj.app, operation=obj.operation, unit=obj.unit, credits=obj.credits)
        obj.pk = new.pk

    @admin.action(description=_("Retire the selected prices"), permissions=["change"])
    def retire(self, request: HttpRequest, prices: QuerySet[Price]) -> None:
        current = [price for price in prices if self.in_force(price)]
        for price in current:
            pricing.retire(price=price)
            self.log_act(request, price, "price.retired", "Retired.")
        count = len(current)
        self.message_user(request, ngettext("%d price retired.", "%d prices retired.", count) % count)
