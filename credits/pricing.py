"""The price book: what an operation costs, in credits per unit."""

from collections.abc import Iterable

from accounts.errors import InvalidField
from accounts.models import ClientApp
from credits.models import MAX_AMOUNT, Price


def current(app: ClientApp | None = None) -> list[Price]:
    """The prices in force: the newest version of each, of `app` and of any app, or of all apps."""
    newest: dict[tuple[int | None, str], Price] = {}
    for price in Price.objects.select_related("app").filter(retired_at__isnull=True).order_by("id"):
        newest[price.app_id, price.operation] = price
    wanted: Iterable[Price] = newest.values()
    if app is not None:
        wanted = (price for price in wanted if price.app_id in (None, app.pk))
    return sorted(wanted, key=lambda price: (price.app_id or 0, price.id))


def price_of(*, app: ClientApp | None, operation: str) -> Price:
    """The price `app` pays for one unit of `operation`; its own goes before the one for any app.

    For a person (`app` None) an operation that only one app offers has that app's price.

    Raises InvalidField when the price book does not know the operation."""
    candidates = Price.objects.filter(operation=operation, retired_at__isnull=True).order_by("-id")
    own = candidates.filter(app=app).first() if app else None
    price = own or candidates.filter(app__isnull=True).first() or (candidates.first() if app is None else None)
    if price is None:
        raise InvalidField("operation", "The price book has no such operation for this app.", "unknown_operation")
    return price


def quote(*, app: ClientApp | None, operation: str, quantity: int) -> int:
    """Credits for `quantity` units of `operation`. Raises InvalidField, also past 1,000,000 credits."""
    total = price_of(app=app, operation=operation).credits * quantity
    if total > MAX_AMOUNT:
        raise InvalidField("quantity", f"This would cost more than {MAX_AMOUNT:,} credits.", "too_large")
    return total


def cost(*, app: ClientApp, amount: int | None, operation: str | None, quantity: int | None) -> int:
    """Credits to take: `amount` as given, or `operation` × `quantity` by the price book."""
    if amount is not None:
        return amount
    return quote(app=app, operation=operation or "", quantity=quantity or 1)
