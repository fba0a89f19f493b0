"""Words of the books in templates."""

from django import template

from credits import words
from credits.models import Entry

register = template.Library()


@register.filter
def told(entry: Entry) -> str:
    """What an entry was for, or else its type."""
    return words.described(entry.description, by_app=entry.app_id is not None) or entry.get_transaction_type_display()


@register.filter
def priced(word: str) -> str:
    """A word of the price book."""
    return words.priced(word)
