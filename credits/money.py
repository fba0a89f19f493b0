"""Sums of money as a person reads them."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext

# Currencies whose smallest unit is no hundredth (https://docs.stripe.com/currencies#zero-decimal).
WHOLE = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THOUSANDTHS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def decimals(currency: str) -> int:
    """How many digits follow the point in sums of `currency`."""
    return 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


def spelled(amount: int, currency: str) -> str:
    """`amount` of the currency's smallest unit, in the reader's numbers: "$5.00", "5,00 €", "5.00 CHF"."""
    places = decimals(currency)
    number = number_format(Decimal(amount).scaleb(-places), places, use_l10n=True, force_grouping=True)
    sign = SIGNS.get(currency)
    if sign is None:
        return f"{number}\N{NO-BREAK SPACE}{currency.upper()}"
    # Translators: a sum of money; the sign goes where the language has it, with a no-break space if there is one.
    return gettext("%(sign)s%(number)s") % {"sign": sign, "number": number}
