"""What the product itself writes into the books, in the reader's language; what apps and staff write stays as it is."""

from django.utils.translation import gettext, gettext_noop

# Descriptions of entries that no app made, as they are stored.
_DESCRIPTIONS = frozenset(
    (
        gettext_noop("Sign-up credits"),
        gettext_noop("Sign-up bonus"),
        gettext_noop("Bonus expired"),
        gettext_noop("Base expired"),
        gettext_noop("Purchased expired"),
        gettext_noop("Adjustment expired"),
        gettext_noop("Imported balance"),
        gettext_noop("Bonus for existing users"),
        gettext_noop("Account closed"),
        gettext_noop("Payment refunded"),
        gettext_noop("Payment in dispute"),
        gettext_noop("The payment stands"),
    )
)
# Operations and units of the price book that a new installation has.
_PRICES = frozenset(
    (
        gettext_noop("Page generation"),
        gettext_noop("Image generation"),
        gettext_noop("File processing"),
        gettext_noop("Advanced feature"),
        gettext_noop("Premium feature"),
        gettext_noop("page"),
        gettext_noop("image"),
        gettext_noop("use"),
    )
)


def described(description: str, *, by_app: bool) -> str:
    """An entry's description as its reader reads it."""
    return gettext(description) if not by_app and description in _DESCRIPTIONS else description


def priced(word: str) -> str:
    """A unit, or an operation in words, of the price book."""
    return gettext(word) if word in _PRICES else word
