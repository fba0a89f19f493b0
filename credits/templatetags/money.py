"""Sums of money in templates."""

from django import template

from credits import money

register = template.Library()


@register.simple_tag
def price(amount: int, currency: str) -> str:
    """A sum in the currency's smallest unit, as the reader writes money."""
    return money.spelled(amount, currency)
