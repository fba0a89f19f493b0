"""How sizes are written: 1 kB is 1,024 bytes and 1 MB is 1,048,576 bytes, on every page."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

register = template.Library()

KILOBYTE = 1_024
MEGABYTE = 1_048_576


def _short(number: float) -> str:
    """One decimal below 10, none above, and never '1.0'."""
    places = 1 if number < 9.95 and round(number, 1) != round(number) else 0
    return str(number_format(round(number, places), decimal_pos=places, use_l10n=True, force_grouping=True))


@register.filter
def size(count: int) -> str:
    """`count` bytes as a person reads them: 640 bytes, 57 kB, 1 MB."""
    if count < KILOBYTE:
        return gettext("%s bytes") % _short(count)
    if count < MEGABYTE and round(count / KILOBYTE) < KILOBYTE:
        return gettext("%s kB") % _short(count / KILOBYTE)
    return gettext("%s MB") % _short(count / MEGABYTE)
