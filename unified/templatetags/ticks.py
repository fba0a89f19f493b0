"""Text with `code` in backticks, taken apart so that the template escapes every piece."""

from django import template

register = template.Library()


@register.filter
def ticks(text: str) -> list[dict[str, str | bool]]:
    """The pieces of a text; every second one stood between backticks."""
    pieces = str(text).split("`")
    return [{"text": piece, "code": number % 2 == 1} for number, piece in enumerate(pieces) if piece]
