"""Staff's view of the ledger, which nobody edits, and the price book, which only grows."""

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import Admin, Inline, ReadOnly, ReadOnlyAdmin
from credits import pricing
from credits.models import Allocation, Entry, Grant, GrantBatch, Hold, HoldAllocation, Price, Wallet

OWNER = ("wallet__user__user_id", "wallet__user__email")


class AllocationsOfEntry(ReadOnly, Inline):
    model = Allocation
    fields = readonly_fields = ("grant", "amount")
    extra = 0


class AllocationsOfHold(ReadOnly, Inline):
    model = HoldAllocation
    fields = readonly_fields = ("grant", "amount")
    extra = 0


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
    fields = (
        "id",
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
    list_display = ("id", "owner", "source", "amount", "remaining", "held", "expires_at", "created_at")
    list_filter = ("source", ("expires_at", admin.EmptyFieldListFilter))
    list_select_related = ("wallet__user",)
    search_fields = OWNER
    ordering = ("-id",)

    @admin.display(description=_("user"), ordering="wallet__user__user_id")
    def owner(self, grant: Grant) -> str:
        return grant.wallet.user.user_id


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    list_display = ("id", "entry", "grant", "amount")
    list_select_related = ("entry", "grant")
    search_fields = ("entry__id",)
    ordering = ("-id",)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "app", "amount", "captured", "storage_bytes", "status", "expires_at", "created_at")
    list_filter = ("status", "app")
    list_select_related = ("wallet__user", "app")
    search_fields = ("id", *OWNER)
    ordering = ("-id",)
    inlines = (AllocationsOfHold,)

    @admin.display(description=_("user"), ordering="wallet__user__user_id")
    def owner(self, hold: Hold) -> str:
        return hold.wallet.user.user_id


@admin.register(GrantBatch)
class GrantBatchAdmin(ReadOnlyAdmin):
    """Bonus credits given to many people at once: from the user list, the API or the command line."""

    list_display = ("created_at", "amount", "count", "total", "reason", "made_by", "expires_at")
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
            self.log_change(request, price, "Retired.")
        self.message_user(request, _("%d prices retired.") % len(current))
