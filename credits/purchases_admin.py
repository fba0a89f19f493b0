"""Staff's view of what is sold: packages, which they set; purchases and what Stripe said, which they read."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_tools import Admin, ReadOnlyAdmin, ReadOnlyRows
from accounts.models import User
from credits import money
from credits.models import Package, PaymentEvent, Purchase


@admin.register(Package)
class PackageAdmin(Admin):
    """Packages. A purchase copies its terms, so a change touches nothing that is bought or being paid."""

    list_display = ("name", "package_id", "credits", "costs", "is_active")
    list_filter = ("is_active", "currency")
    search_fields = ("name", "package_id")
    fields = ("name", "package_id", "credits", "price_amount", "currency", "is_active")

    @admin.display(description=_("price"), ordering="price_amount")
    def costs(self, package: Package) -> str:
        return money.spelled(package.price_amount, package.currency)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # Apps and links know it by this name.
        return ("package_id",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # What was bought says which; one that is not on offer any more is switched off.
        return False


class EventsOfPurchase(ReadOnlyRows):
    """What the payment provider said about a purchase."""

    model = PaymentEvent
    fields = readonly_fields = ("created_at", "type", "outcome", "detail")


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "name", "credits", "costs", "status", "unrecovered", "created_at", "completed_at")
    list_filter = ("status", "livemode", "package", "app")
    list_select_related = ("wallet__user",)
    search_fields = ("id", "session_id", "payment_intent", "wallet__user__user_id", "wallet__user__email")
    ordering = ("-created_at",)
    fields = (
        "id",
        "owner",
        "app",
        "package",
        "name",
        "credits",
        "costs",
        "livemode",
        "status",
        "session_id",
        "payment_intent",
        "entry",
        "refunded_amount",
        "disputed",
        "reversed_credits",
        "unrecovered",
        "created_at",
        "completed_at",
    )
    readonly_fields = ("owner", "costs", "unrecovered")
    inlines = (EventsOfPurchase,)

    def person_of(self, obj: Model) -> User | None:
        return obj.wallet.user if isinstance(obj, Purchase) else None

    @admin.display(description=_("user"), ordering="wallet__user__user_id")
    def owner(self, purchase: Purchase) -> str:
        return purchase.wallet.user.user_id

    @admin.display(description=_("price"), ordering="price_amount")
    def costs(self, purchase: Purchase) -> str:
        return money.spelled(purchase.price_amount, purchase.currency)


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyAdmin):
    """What the payment provider told us; of what was refused, `detail` says why."""

    list_display = ("created_at", "type", "outcome", "detail", "purchase", "id")
    list_filter = ("outcome", "type")
    list_select_related = ("purchase",)
    search_fields = ("id", "purchase__id", "detail")
