"""Small pieces of markup every page uses: icons, moments in time, and the colour and texture of an app."""

from datetime import UTC, datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from accounts.models import ClientApp

register = template.Library()

TEXTURES = 4
FALLBACKS = {"date": "j M Y", "clock": "H:i"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite; decoration only, the words stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/sprite.svg"), name
    )


@register.simple_tag
def moment(when: datetime, show: str = "moment") -> SafeString:
    """A time in UTC that times.js rewrites to the reader's zone; `show` is moment, clock, date or full."""
    utc = when.astimezone(UTC)
    text = date_format(utc, FALLBACKS.get(show, "j M Y, H:i"))
    if show != "date":
        text = gettext("%s UTC") % text
    return format_html('<time datetime="{}" data-show="{}">{}</time>', utc.isoformat(timespec="seconds"), show, text)


@register.filter
def texture(app: ClientApp | None) -> int:
    """Which texture an app's segments carry besides their colour; it never changes with the page."""
    return app.pk % TEXTURES if app else 0


@register.simple_tag
def swatch(app: ClientApp | None) -> SafeString:
    """The legend's sample of an app's colour and texture; None is Unified itself."""
    return format_html(
        '<svg class="swatch app app-{}" viewBox="0 0 14 14" aria-hidden="true"><rect class="fill" width="14" '
        'height="14"></rect><rect width="14" height="14" fill="url(#texture-{})"></rect></svg>',
        app.slug if app else "none",
        texture(app),
    )


@register.simple_tag
def credits(amount: int) -> SafeString:
    """A signed amount of credits with a real minus sign; what came in stands out."""
    if amount > 0:
        return format_html('<span class="plus">+{}</span>', intcomma(amount))
    return format_html("−{}", intcomma(-amount))


@register.filter
def words(name: str) -> str:
    """An operation's or a field's name as words: page_generation becomes Page generation."""
    return name.replace("_", " ").replace("-", " ").strip().capitalize()
