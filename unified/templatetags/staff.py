"""What the staff's start page shows besides what there is to edit."""

from django import template

from unified.staff_numbers import StaffNumbers

register = template.Library()


@register.simple_tag
def staff_numbers() -> StaffNumbers:
    return StaffNumbers()
