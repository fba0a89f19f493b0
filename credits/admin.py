"""Staff's view of the ledger: everything to see, nothing to rewrite; prices change by a new version."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from credits import pricing
from credits.models import Entry, Grant, GrantBatch, Hold, Price, Wallet


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin[Wallet]):
    list_display = ("user", "balance", "held", "version")
    search_fields = ("user__user_id", "user__email", "user__username")
    list_select_related = ("user",)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin[Entry]):
    list_display = ("id", "wallet_user", "app", "transaction_type", "amount", "balance_after", "description", "created_at")
    list_filter = ("transaction_type", "app")
    search_fields = ("id", "wallet__user__user_id", "wallet__user__email", "project_code")
    list_select_related = ("wallet__user", "app")
    date_hierarchy = "created_at"

    @admin.display(description=_("user"))
    def wallet_user(self, entry: Entry) -> str:
        return entry.wallet.user.user_id


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin[Grant]):
    list_display = ("id", "wallet", "source", "amount", "remaining", "held", "expires_at", "created_at")
    list_filter = ("source",)
    search_fields = ("wallet__user__user_id", "wallet__user__email")


@admin.register(GrantBatch)
class GrantBatchAdmin(ReadOnlyAdmin[GrantBatch]):
    list_display = ("key", "amount", "count", "reason", "made_by", "created_at")
    search_fields = ("key", "reason")
    list_select_related = ("made_by",)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin[Hold]):
    list_display = ("id", "wallet", "app", "amount", "captured", "storage_bytes", "status", "expires_at", "created_at")
    list_filter = ("status", "app")
    search_fields = ("id", "wallet__user__user_id", "wallet__user__email")
    list_select_related = ("app",)


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin[Price]):
    """The price book. Saving a price adds its next version; what was charged or held before keeps the old one."""

    list_display = ("operation", "app", "unit", "credits", "created_at", "retired_at")
    list_filter = ("app",)
    fields = ("app", "operation", "unit", "credits")
    actions = ("retire",)

    def get_readonly_fields(self, request: HttpRequest, obj: Price | None = None) -> tuple[str, ...]:
        return ("app", "operation") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Price, form: forms.ModelForm[Price], change: bool) -> None:
        new = pricing.set_price(app=obj.app, operation=obj.operation, unit=obj.unit, credits=obj.credits)
        obj.pk = new.pk

    @admin.action(description=_("Retire the selected prices"), permissions=["change"])
    def retire(self, request: HttpRequest, prices: QuerySet[Price]) -> None:
        for price in prices:
            pricing.retire(price=price)
            self.log_change(request, price, "Retired.")
        self.message_user(request, _("%d prices retired.") % len(prices))
