"""django-hordak's transfer, the nearest there is to a charge in a Django ledger that people use."""

from collections.abc import Callable

from django.db import transaction
from djmoney.money import Money
from hordak.models import Account


def transfers() -> Callable[[int], None]:
    """Moves one unit from a customer's account to the earnings, so many times, each in its own transaction.

    `transfer_to` opens none: bare, its three rows would be committed one by one, and its triggers ask that they balance
    at each commit."""
    customer = Account.objects.create(name="Customer", type="LI", currencies=["EUR"])
    earned = Account.objects.create(name="Earned", type="IN", currencies=["EUR"])
    one = Money(1, "EUR")

    def run(calls: int) -> None:
        for _ in range(calls):
            with transaction.atomic():
                customer.transfer_to(earned, one, description="A page")

    return run
