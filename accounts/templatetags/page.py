"""Small pieces of markup every page uses: icons, moments in time, and the mark, colour and texture of an app."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from accounts.browser import chosen_theme
from accounts.consents import in_words
from accounts.models import ClientApp, Connection

register = template.Library()

TEXTURES = 4


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """The colours this browser chose: "light", "dark", or "" for those of its system."""
    return chosen_theme(context["request"]) if "request" in context else ""


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """An icon of the sprite; decoration only, the words stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/icons.svg"), name
    )


@register.simple_tag
def moment(when: datetime, show: str = "moment") -> SafeString:
    """A time in the reader's zone and format; `show` is moment, clock, date or full. Where no zone is known, UTC.

    A moment is a clock time today, "Yesterday", or a date."""
    local = timezone.localtime(when)
    full = _zoned(date_format(local, "DATETIME_FORMAT"))
    text = full if show == "full" else SHOWS.get(show, _moment)(local)
    stamp = when.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, full, text)


@register.filter
def day(when: date) -> str:
    """A day of the reader's as they speak of it: Today, Yesterday, or its date."""
    ago = (timezone.localdate() - when).days
    return {0: gettext("Today"), 1: gettext("Yesterday")}.get(ago) or _short(when)


def _moment(local: datetime) -> str:
    ago = (timezone.localdate() - local.date()).days
    return _clock(local) if ago == 0 else day(local.date())


def _clock(local: datetime) -> str:
    return _zoned(date_format(local, "TIME_FORMAT"))


def _date(local: datetime) -> str:
    return _short(local.date())


SHOWS: dict[str, Callable[[datetime], str]] = {"clock": _clock, "date": _date}


def _short(when: date) -> str:
    """Without the year as long as it is this one."""
    this_year = when.year == timezone.localdate().year
    return date_format(when, "MONTH_DAY_FORMAT" if this_year else "SHORT_DATE_FORMAT")


def _zoned(text: str) -> str:
    """Says so when a clock time is in UTC, as it is until the reader's browser has told its zone."""
    return gettext("%s UTC") % text if timezone.get_current_timezone_name() == "UTC" else text


@register.simple_tag
def mark(app: ClientApp | None, size: int = 20) -> SafeString:
    """An app's logo, or its initial on its colour; decoration only. None is Unified itself."""
    large = " large" if size > 24 else ""
    if app is None:
        return format_html('<span class="mark app app-none{}" aria-hidden="true">{}</span>', large, icon("logo"))
    if not app.logo_version:
        letter = app.name[:1].upper()
        return format_html('<span class="mark app app-{}{}" aria-hidden="true">{}</span>', app.slug, large, letter)
    return _logo(app, size, large)


def _logo(app: ClientApp, size: int, large: str = "") -> SafeString:
    url = f"{reverse('app_logo', args=[app.slug])}?v={app.logo_version}"
    return format_html('<img class="mark{}" src="{}" width="{}" height="{}" alt="">', large, url, size, size)


@register.filter
def agreed(connection: Connection) -> list[Promise]:
    """What the person lets the app do since they signed in to it, in words."""
    return in_words(connection.consented_scopes)


@register.simple_tag
def logo(app: ClientApp | None) -> SafeString | str:
    """The logo of an app that has one of its own, to stand beside its colour; an initial would say nothing more."""
    return _logo(app, 20) if app is not None and app.logo_version else ""


@register.simple_tag
def in_place(name: str, *args: object) -> SafeString:
    """Attributes of a form that posts to the route `name`; where there is script, only the main part changes."""
    return format_html(
        'method="post" action="{0}" data-hx-post="{0}" data-hx-target="#main" data-hx-select="#main" '
        'data-hx-swap="outerMorph"',
        reverse(name, args=args),
    )


@register.simple_tag(takes_context=True)
def turns(context: Context, number: int, key: str, at: str) -> SafeString:
    """Attributes of a link to another page of a list, from its heading `at` on; the rest of the address is kept."""
    asked = context["request"].GET.copy()
    asked[key or "page"] = str(number)
    return format_html(
        'href="{0}" data-hx-get="{0}" data-hx-target="#page" data-hx-select="#page" data-hx-swap="outerMorph{1}" '
        'data-hx-push-url="true" data-hx-sync="#page:replace"',
        f"?{asked.urlencode()}#{at}" if at else f"?{asked.urlencode()}",
        "" if at else " show:top",
    )


@register.filter
def texture(app: ClientApp | None) -> int:
    """Which texture an app's segments carry besides their colour; it never changes with the page."""
    return app.pk % TEXTURES if app else 0


@register.simple_tag
def swatch(app: ClientApp | None) -> SafeString:
    """The legend's sample of an app's colour and texture, with its logo if it has one; None is Unified itself."""
    return format_html(
        '<svg class="swatch app app-{}" viewBox="0 0 14 14" aria-hidden="true"><rect class="fill" width="14" '
        'height="14"></rect><rect width="14" height="14" fill="url(#texture-{})"></rect></svg>{}',
        app.slug if app else "none",
        texture(app),
        logo(app),
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
