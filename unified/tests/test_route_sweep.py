"""Every route, by every method, as every kind of stranger: refused as unified/tests/strangers.py says, with nothing
written, and another's name answers exactly like one that does not exist, in bytes and in work."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import services as accounts
from accounts.models import SCOPES, User
from unified.tests import strangers
from unified.tests.sweep import BASE, ask, everything, session_of

pytestmark = pytest.mark.django_db
NOTHING_TO_DO = {"version_not_found", "nothing_to_gain"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# The others send whoever is not signed in on to the first; they are pages of their own below.
SIGN_IN = {"/accounts/login/", "/accounts/reauthenticate/", "/accounts/reauthenticate/code/"}


def named(pattern: str) -> str:
    """A route as the cases call it: `<names>` for what varies, no regular expression, no optional end."""
    plain = re.sub(r"\(\?P(<\w+>)(?:\[[^\]]*\]|[^)\]])*\)", r"\1", pattern.replace("(/|$)", ""))
    return re.sub(r"<\w+:(\w+)>", r"<\1>", plain).replace("^", "").removesuffix("/?$").removesuffix("$")


def walk(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry, route)
        else:
            yield named(route), entry


ROUTES = dict(walk(get_resolver()))
ADMIN = sorted(route for route in ROUTES if route.startswith("admin/"))
# A case may be here before its route is.
API = {call: case for call, case in strangers.API.items() if BASE + call.split()[1] in ROUTES}
SIGNED_IN, OPEN = (
    {page: case for page, case in cases.items() if page.partition(" ")[2] in ROUTES}
    for cases in (strangers.SIGNED_IN, strangers.OPEN)
)
PAGES = SIGNED_IN.keys() | OPEN.keys()
DECLARED = {"{} {}{}".format(*call.split()[:1], BASE, call.split()[1]) for call in API} | PAGES
THINGS = ("<code>", "<hold_id>", "<transaction_id>", "<purchase_id>")


def call_api(call: str, names: dict[str, str], **caller: str) -> Any:
    method, route, *_ = call.split()
    return ask(method, BASE + route, API[call].sent, names, **caller)


def verdict(answer: Any) -> tuple[int, str]:
    """Status and code; those of the item where a call of one item answers for each."""
    if not answer["Content-Type"].endswith("json"):
        return answer.status_code, ""
    body = json.loads(b"".join(answer))
    for item in body.get("results") or () if answer.status_code == 200 else ():
        return item["status"] if "key" in item or "code" in item else answer.status_code, item.get("code", "")
    return answer.status_code, body.get("code", "")


def exact(answer: Any, names: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """All that a caller sees, but what they said themselves and what no two answers share."""

    def masked(text: str) -> str:
        for name, value in names.items():
            text = text.replace(value, f"<{name}>")
        return re.sub(r'(csrfmiddlewaretoken" value=|[rt]=)"?\w+', r"\1", text)

    headers = {name: masked(value) for name, value in answer.items() if name != "X-Request-ID"}
    return answer.status_code, headers, masked(b"".join(answer).decode("latin-1")).encode()


def compare(send: Any, first: dict[str, str], second: dict[str, str]) -> int:
    """The status of both, which must be the same to the byte, after the same number of statements."""
    send(first)
    seen, work = [], []
    before = everything()
    for names in (first, second):
        with CaptureQueriesContext(
            connection,
        ) as statements:
            seen.append(exact(send(names), names))
        work.append(len(statements))
        assert everything() == before
    assert seen[0] == seen[1]
    assert work[0] == work[1]
    return seen[0][0]


def test_every_route_has_a_case() -> None:
    missing = []
    for route, entry in ROUTES.items():
        actions = getattr(entry.callback, "actions", None) or {}
        if actions and route.startswith(BASE):
            calls = {f"{method.upper()} {route}" for method in actions if method != "head"}
            missing += sorted(calls - DECLARED)
        elif not route.startswith("admin/") and not any(f"{method} {route}" in DECLARED for method in METHODS):
            missing.append(route)
    assert len(ROUTES) > 100
    assert missing == [], "say in unified/tests/strangers.py what strangers get there"


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.startswith("admin/")])
def test_a_method_without_a_case_is_refused(world, route) -> None:
    before = everything()
    # Django's form views take a PUT for a POST.
    declared = {method for method in METHODS if f"{method} {route}" in DECLARED}
    for method in METHODS:
        if method not in declared and (method, route.startswith(BASE), "POST" in declared) != ("PUT", False, True):
            who = {"key": world.keys["penora"]} if route.startswith(BASE) else {"session": world.sessions["alice"]}
            answer = ask(method, route, {}, world.alices, **who)
            assert answer.status_code == 302 or 400 <= answer.status_code < 500, method
    assert everything() == before


@pytest.mark.parametrize("call", API)
def test_strangers_to_the_api_are_refused_and_nothing_is_written(world, alice, imagegene, call) -> None:
    about, terms = "<user_id>" in json.dumps(API[call].sent), API[call]
    lacking = accounts.create_api_key(app=imagegene, scopes=set(SCOPES) - set(terms.scope.split()))[1]
    expected = {
        "anonymous": ({}, 401, "not_authenticated"),
        "revoked": ({"key": world.keys["revoked"]}, 401, "invalid_key"),
        "closed": ({"session": world.sessions["carl1"]}, 401, "not_authenticated"),
        "scopeless": ({"key": lacking}, 403, "missing_scope"),
    }
    if about:
        expected |= {
            "app of nobody": ({"key": world.keys["lonely"], "app": "lonely"}, 404, "user_not_found"),
            "app of Bob's": ({"key": world.keys["bobsapp"], "app": "bobsapp"}, 404, "user_not_found"),
            "disconnected": ({"key": world.keys["shutout"], "app": "shutout"}, 403, "app_not_connected"),
        }
    if about or not terms.people:
        refusal = (404, "user_not_found") if terms.people else (403, "apps_only")
        expected["Bob"] = ({"session": world.sessions["bobby"]}, *refusal)
    before, answers = everything(), {}
    for name, (caller, *_) in expected.items():
        app = caller.pop("app", "imagegene")
        answers[name] = verdict(call_api(call, {**world.alices, "app": app}, **caller))
    assert answers == {name: (status, code) for name, (_, status, code) in expected.items()}
    assert everything() == before


@pytest.mark.parametrize("call", API)
def test_the_scope_alone_opens_the_route_and_no_other_app_changes_what_is_not_its_own(world, penora, call) -> None:
    key = accounts.create_api_key(app=penora, scopes=API[call].scope.split())[1]
    before = everything()
    for app, opens in (("penora", key), ("imagegene", world.keys["imagegene"])):
        with transaction.atomic():
            status, code = verdict(call_api(call, {**world.alices, "app": app}, key=opens))
            refused = app == "imagegene" and API[call].other_app
            assert (status, code) == (403, "app_mismatch") if refused else status < 400 or code in NOTHING_TO_DO, code
            if refused:
                assert everything() == before
            transaction.set_rollback(True)


@pytest.mark.parametrize("call", [call for call in API if "<user_id>" in json.dumps(API[call].sent)])
def test_another_person_is_like_nobody(world, call) -> None:
    nobody = {**world.alices, "user_id": world.nobodys["user_id"]}
    callers = [{"key": world.keys["lonely"]}, {"key": world.keys["bobsapp"]}]
    for caller in callers + [{"session": world.sessions["bobby"]}] * API[call].people:
        app = {"app": next((name for name, key in world.keys.items() if key == caller.get("key")), "penora")}
        compare(lambda names, app=app, caller=caller: call_api(call, {**names, **app}, **caller), world.alices, nobody)


@pytest.mark.parametrize("call", [c for c in API if any(thing in c + json.dumps(API[c].sent) for thing in THINGS)])
def test_anothers_thing_is_like_nothing(world, call) -> None:
    theirs, nothing = ({**names, "user_id": "bobby", "app": "penora"} for names in (world.alices, world.nobodys))
    for caller in [{"key": world.keys["penora"]}] + [{"session": world.sessions["bobby"]}] * API[call].people:
        status = compare(lambda names, caller=caller: call_api(call, names, **caller), theirs, nothing)
        assert status in (200, 404)


@pytest.mark.parametrize("page", SIGNED_IN)
def test_strangers_to_a_page_are_sent_to_sign_in_and_anothers_thing_is_like_nothing(world, page) -> None:
    method, _, route = page.partition(" ")
    before = everything()
    for session in ("", world.sessions["carl1"]):
        answer = ask(method, route, SIGNED_IN[page], world.alices, session=session)
        assert answer.status_code == 302
        assert answer["Location"].split("?")[0] in SIGN_IN
    assert everything() == before
    if any(name in page + str(SIGNED_IN[page]) for name in ("<code>", "<slug>", "<purchase_id>")):
        session = world.sessions["bobby"]
        status = compare(
            lambda names: ask(method, route, SIGNED_IN[page], names, session=session), world.alices, world.nobodys
        )
        assert status == 404 if "<" in route else status in (200, 302, 404)


@pytest.mark.parametrize("page", OPEN)
def test_open_pages_write_nothing_for_anybody(world, page) -> None:
    method, _, route = page.partition(" ")
    before = everything()
    for session in ("", world.sessions["carl1"], world.sessions["bobby"]):
        assert ask(method, route, {}, world.nobodys, session=session).status_code in OPEN[page]
    assert everything() == before


@pytest.mark.parametrize("route", ADMIN)
def test_the_admin_is_shut_to_all_but_staff_with_the_permission(world, alice, route) -> None:
    clerk = User.objects.create_user("clerk@example.com", "Clerk", user_id="clerk", is_staff=True)
    sessions = {"": "", "carl": world.sessions["carl1"], "alice": world.sessions["alice"], "clerk": session_of(clerk)}
    names = {**world.alices, "pk": str(alice.pk), "object_id": str(alice.pk), "app_label": "accounts", "url": "x"}
    before = everything()
    for who, session in sessions.items():
        for method in ("GET", "POST"):
            answer = ask(method, route, {}, names, session=session)
            assert answer.status_code < 500
            if route in strangers.ADMIN_LOBBY:
                continue
            sent_away = answer.status_code == 302 and answer["Location"].startswith(("/accounts/", "/admin/"))
            assert sent_away or (answer.status_code in (403, 404, 405) and who in ("clerk", "alice")), (who, method)
    assert everything() == before
