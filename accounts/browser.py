"""A page and its reader: who it is for, where it leads back to, and the colours that the browser chose."""

from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import User

THEMES = ("light", "dark")
YEAR_SECONDS = 31_536_000


def person(request: HttpRequest) -> User:
    """The signed-in person of a view behind `login_required`."""
    return cast(User, request.user)


def safe_next(request: HttpRequest) -> str:
    """Where the form says it was, when that is here."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/")
    return target if safe else ""


def back(request: HttpRequest, fallback: str) -> HttpResponse:
    """To where the form says it was, or else to `fallback`."""
    return redirect(safe_next(request) or fallback)


def chosen_theme(request: HttpRequest) -> str:
    """The colours this browser chose, "light" or "dark"; "" for those of its system."""
    chosen = request.COOKIES.get(_theme_cookie(), "")
    return chosen if chosen in THEMES else ""


def choose_theme(response: HttpResponse, theme: str) -> None:
    """Keep a choice in the browser for a year; anything but "light" and "dark" lets its system decide again.

    Script writes the same cookie (theme.js), so it may be read there."""
    if theme in THEMES:
        response.set_cookie(
            _theme_cookie(), theme, max_age=YEAR_SECONDS, secure=settings.SECURE, httponly=False, samesite="Lax"
        )
    else:
        response.delete_cookie(_theme_cookie(), samesite="Lax")


def _theme_cookie() -> str:
    return f"{settings.HOST_ONLY}theme"
