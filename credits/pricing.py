"""The price book: what an operation costs, in credits per unit."""

from collections.abc import Collection, Iterable, Mapping

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
    return _price_in(prices_of(app=app, operations=[operation]), operation)


def prices_of(*, app: ClientApp | None, operations: Collection[str]) -> dict[str, Price]:
    """The prices of those `operations` that the price book knows, each as `price_of` finds it. One query."""
    newest: dict[str, dict[int | None, Price]] = {}
    for price in Price.objects.filter(operation__in=operations).order_by("id") if operations else ():
        newest.setdefault(price.operation, {})[price.app_id] = price
    found: dict[str, Price] = {}
    for operation, versions in newest.items():
        live = {owner: price for owner, price in versions.items() if price.retired_at is None}
        asked = (app.pk, None) if app else (None, *sorted(owner for owner in live if owner is not None))
        chosen = next((live[owner] for owner in asked if owner in live), None)
        if chosen is not None:
            found[operation] = chosen
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
    return cost_by(prices_of(app=app, operations=[operation]), amount=None, operation=operation, quantity=quantity)


def cost(*, app: ClientApp, amount: int | None, operation: str | None, quantity: int | None) -> int:
    """Credits to take: `amount` as given, or `operation` × `quantity` by the price book."""
    if amount is not None:
        return amount
    return quote(app=app, operation=operation or "", quantity=quantity or 1)


def cost_by(prices: Mapping[str, Price], *, amount: int | None, operation: str | None, quantity: int | None) -> int:
    """The same by prices at hand, as `prices_of` finds them."""
    if amount is not None:
        return amount
    total = _price_in(prices, operation or "").credits * (quantity or 1)
    if total > MAX_AMOUNT:
        raise InvalidField("quantity", f"This would cost more than {MAX_AMOUNT:,} credits.", "too_large")
    return total


def _price_in(prices: Mapping[str, Price], operation: str) -> Price:
    if operation not in prices:
        raise InvalidField("operation", "The price book has no such operation for this app.", "unknown_operation")
    return prices[operation]
