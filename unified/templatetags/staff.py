"""What the staff's pages show besides what there is to edit."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from unified.staff_numbers import StaffNumbers

register = template.Library()


@register.simple_tag
def staff_numbers() -> StaffNumbers:
    return StaffNumbers()


@register.filter
def labelled(cells: Iterable[SafeString], headers: Sequence[dict[str, Any]]) -> list[SafeString]:
    """The cells of a row of the admin's list, each with the name of its column, which a phone shows beside it."""
    return [_with_label(cell, header) for cell, header in zip(cells, headers, strict=True)]


def _with_label(cell: SafeString, header: dict[str, Any]) -> SafeString:
    # The column of the boxes has a box for its name.
    if "action-checkbox" in header.get("class_attrib", ""):
        return cell
    label = format_html(' data-label="{}"', capfirst(str(header["text"])))
    tag, rest = cell[:3], cell[3:]
    return mark_safe(f"{tag}{label}{rest}")  # noqa: S308  (as safe as the cell: the label is escaped)
