"""What the credits page offers for money: each package with what it buys, and by how much a credit of it is cheaper."""

from collections.abc import Sequence
from dataclasses import dataclass

from credits import payments, spending
from credits.models import Package, Price
from credits.spending import Buy


@dataclass(frozen=True)
class Offer:
    """A package; `saves` is by how many percent a credit costs less than in the dearest one, rounded down."""

    package: Package
    buys: Sequence[Buy]
    saves: int


def offers(prices: Sequence[Price]) -> list[Offer]:
    """The packages on offer, the smallest first; none where nothing is on sale."""
    packages = list(Package.objects.filter(is_active=True)) if payments.on_sale() else []
    return [Offer(package, spending.buys(package.credits, prices), _saves(package, packages)) for package in packages]


def _saves(package: Package, packages: Sequence[Package]) -> int:
    """Compared in one currency only."""
    rivals = [other for other in packages if other.currency == package.currency]
    dearest = max(rivals, key=lambda other: other.price_amount / other.credits)
    share = package.price_amount * dearest.credits * 100
    return 100 - -(-share // (package.credits * dearest.price_amount))
