"""The price book: what an operation costs, in credits per unit."""

from collections.abc import Iterable

from django.utils import timezone

from accounts.errors import InvalidField
from accounts.models import ClientApp
from credits.models import MAX_AMOUNT, Price


def current(app: ClientApp | None = None) -> list[Price]:
    """The prices in force: the newest version of each unless it is retired, of `app` and of any app, or of all apps."""
    newest: dict[tuple[int | None, str], Price] = {}
    for price in Price.objects.select_related("app").order_by("id"):
        newest[price.app_id, price.operation] = price
    wanted: Iterable[Price] = (price for price in newest.values() if price.retired_at is None)
    if app is not None:
        wanted = (price for price in wanted if price.app_id in (None, app.pk))
    return sorted(wanted, key=lambda price: (price.app_id or 0, price.id))


def price_of(*, app: ClientApp | None, operation: str) -> Price:
    """The price `app` pays for one unit of `operation`; its own goes before the one for any app.

    For a person (`app` None) an operation that only one app offers has that app's price.

    Raises InvalidField when the price book does not know the operation."""
    newest: dict[int | None, Price] = {}
    for price in Price.objects.filter(operation=operation).order_by("id"):
        newest[price.app_id] = price
    live = {owner: price for owner, price in newest.items() if price.retired_at is None}
    asked = (app.pk, None) if app else (None, *sorted(owner for owner in live if owner is not None))
    found = next((live[owner] for owner in asked if owner in live), None)
    if found is None:
        raise InvalidField("operation", "The price book has no such operation for this app.", "unknown_operation")
    return found


def set_price(*, app: ClientApp | None, operation: str, unit: str, credits: int) -> Price:
    """The next version of a price, in force from now on; past charges and holds keep theirs."""
    return Price.objects.create(app=app, operation=operation, unit=unit, credits=credits)


def retire(*, price: Price) -> None:
    """Take an operation out of the price book: every version of it, so that no older price comes back."""
    versions = Price.objects.filter(app=price.app, operation=price.operation, retired_at__isnull=True)
    versions.update(retired_at=timezone.now())


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
