"""Codes that go out by mail and are typed into the browser that asked for them; what they open is in its session."""

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core.internal.cryptokit import compare_user_code
from django.http import HttpRequest

LIFETIME_SECONDS = 900
ATTEMPTS = 3


def begin(request: HttpRequest, purpose: str, email: str, **kept: Any) -> str:
    """Keep a new code for `purpose` in the session, in place of an earlier one, and return it to be sent to `email`."""
    code = str(get_adapter().generate_login_code())
    request.session[_name(purpose)] = {**kept, "email": email, "code": code, "at": time.time(), "left": ATTEMPTS}
    return code


def pending(request: HttpRequest, purpose: str) -> dict[str, Any] | None:
    """What was begun for `purpose` and can still be finished, within a quarter of an hour and three attempts."""
    state: dict[str, Any] | None = request.session.get(_name(purpose))
    if state is None or state["left"] < 1 or time.time() - state["at"] > LIFETIME_SECONDS:
        return None
    return state


def fits(request: HttpRequest, purpose: str, typed: str) -> bool:
    """Whether `typed` is the pending code. One attempt is used up; the right one ends the matter."""
    state = pending(request, purpose)
    if state is None:
        return False
    right = compare_user_code(actual=typed, expected=state["code"])
    if right:
        end(request, purpose)
    else:
        request.session[_name(purpose)] = {**state, "left": state["left"] - 1}
    return bool(right)


def end(request: HttpRequest, purpose: str) -> None:
    """Forget what was begun."""
    request.session.pop(_name(purpose), None)


def _name(purpose: str) -> str:
    return f"mailed_code:{purpose}"
