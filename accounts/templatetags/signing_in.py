"""What pages say about passkeys and sessions."""

from typing import Any

from django import template
from django.utils.translation import gettext

from accounts.factors import origin

register = template.Library()


@register.simple_tag(takes_context=True)
def passkeys_elsewhere(context: dict[str, Any]) -> str:
    """The address where passkeys work, when this page was asked for at another."""
    request = context["request"]
    return "" if f"{request.scheme}://{request.get_host()}" == origin() else origin()


BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "CrOS", "Linux")
NAMES = {"Edg": "Edge", "OPR": "Opera", "Macintosh": "macOS", "CrOS": "ChromeOS"}


@register.filter
def browser(user_agent: str) -> str:
    """What a browser calls itself, in two words people know."""
    found = [next((name for name in names if name in user_agent), "") for names in (BROWSERS, SYSTEMS)]
    return " · ".join(NAMES.get(name, name) for name in found if name) or gettext("Unknown browser")
