"""What an attacker tries through the pages: forms of other sites, fields not offered, ways out, old sessions."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from credits.models import Wallet
from unified.tests.strangers import API, SIGNED_IN
from unified.tests.sweep import BASE, ask, everything, filled, session_of
from workspace.delivery import serve_content
from workspace.models import Project, Workspace
from workspace.tests.cast import save

pytestmark = pytest.mark.django_db
FORMS = {page.removeprefix("POST "): sent for page, sent in SIGNED_IN.items() if page.startswith("POST ")}
BY_SESSION = [call for call, terms in API.items() if terms.people and not call.startswith("GET ")]
PASSWORD = "correct horse battery"


def alone(world: Any, **options: Any) -> Client:
    """Alice's browser, in which Django checks where a form came from."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False, **options)
    client.cookies["sessionid"] = world.sessions["alice"]
    return client


@pytest.mark.parametrize("route", FORMS)
def test_a_form_of_another_site_changes_nothing(world, route) -> None:
    path, before = "/" + filled(route, world.alices), everything()
    for headers in ({}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/"}, {"Origin": "null"}):
        for token in ({}, {"csrfmiddlewaretoken": "a" * 64}, {"csrfmiddlewaretoken": ""}):
            answer = alone(world, headers=headers).post(path, {**filled(FORMS[route], world.alices), **token})
            # What asks for the password again sends there before it reads a form.
            assert answer.status_code == 403 or "/reauthenticate/" in answer.get("Location", ""), headers
    assert everything() == before


@pytest.mark.parametrize("call", BY_SESSION)
def test_a_call_of_another_site_with_the_persons_session_changes_nothing(world, call) -> None:
    method, route, *_ = call.split()
    path, before = "/" + filled(BASE + route, world.alices), everything()
    for headers in ({}, {"Origin": "https://evil.example"}, {"X-CSRFToken": "a" * 64}):
        for kind in ("application/json", "text/plain"):
            answer = alone(world, headers=headers).generic(method, path, b"{}", content_type=kind)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert everything() == before


EXTRA = {
    "is_staff": "on",
    "is_superuser": "on",
    "is_active": "",
    "user_id": "mallory",
    "id": "1",
    "pk": "1",
    "user": "1",
    "owner": "1",
    "balance": "999999",
    "held": "0",
    "low_mark": "1",
    "full_mark": "1",
    "limit_bytes": "999999999",
    "used_bytes": "0",
    "credits": "999999",
    "scopes": "credits:grant",
    "user_permissions": "1",
    "groups": "1",
    "first_party": "on",
    "version": "99",
    "file_size_bytes": "0",
    "code": "AAAAAA",
}


@pytest.mark.parametrize("route", FORMS)
def test_no_form_takes_a_field_it_does_not_offer(world, alice, route) -> None:
    bob = User.objects.get(user_id="bobby")

    def facts() -> list[Any]:
        rights = ("user_id", "is_staff", "is_superuser", "is_active", "email")
        numbers = list(Wallet.objects.order_by("pk").values_list("pk", "balance", "held"))
        limits = list(Workspace.objects.order_by("pk").values_list("pk", "limit_bytes"))
        bobs = list(Project.objects.owned_by(bob).values_list("code", "title", "version", "trashed_at"))
        return [list(User.objects.order_by("pk").values_list(*rights)), numbers, limits, bobs]

    before = facts()
    extra = {name: value for name, value in EXTRA.items() if name not in FORMS[route]}
    answer = ask("POST", route, {**extra, **FORMS[route]}, world.alices, session=world.sessions["alice"])
    assert answer.status_code < 500
    assert facts() == before


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "http:///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "//evil.example@testserver/",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "%2F%2Fevil.example",
    "/x\r\nLocation: https://evil.example/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_next_leads_elsewhere(world, alice, target) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    answers = []
    for name in ("account_login", "account_signup", "account_reset_password"):
        signing_in = {"login": "alice@example.com", "password": PASSWORD, "next": target}
        answers.append(Client().post(reverse(name), signing_in))
        answers.append(Client().get(reverse(name), {"next": target}))
    for route in ("projects/<code>/favourite", "projects/<code>/delete", "projects/restore", "accounts/logout/"):
        form = {**FORMS[route], "next": target}
        answers.append(ask("POST", route, form, world.alices, session=session_of(alice)))
    signed_in = Client()
    signed_in.force_login(alice)
    answers += [signed_in.get(reverse("account_login"), {"next": target}), signed_in.get("/", {"next": target})]
    gone = [answer["Location"] for answer in answers if answer.status_code in (301, 302, 303, 307, 308)]
    assert len(gone) >= 5
    for location in gone:
        # As a browser reads it: backslashes are slashes, and white space before them is none.
        read = "".join(location.split()).replace("\\", "/")
        assert urlsplit(urljoin("http://testserver/accounts/login/", read)).netloc == "testserver"
        assert location.isprintable()


def test_a_session_made_before_signing_in_is_not_the_one_after(alice, penora_api) -> None:
    url = penora_api.post(f"/{BASE}login-link", {"user_id": "alice"}, format="json").json()["url"]
    victim = Client()
    planted = victim.session
    planted["planted"] = True
    planted.save()
    victim.get(urlsplit(url).path)
    assert victim.get("/").status_code == 200
    assert victim.cookies["sessionid"].value != planted.session_key
    assert ask("GET", "", {}, {}, session=planted.session_key).status_code == 302


@pytest.mark.parametrize("action", ["action_primary", "action_remove", "action_send"])
def test_nobody_touches_anothers_address(world, alice, action) -> None:
    bob = User.objects.get(user_id="bobby")
    EmailAddress.objects.create(user=bob, email=bob.email, verified=True, primary=True)
    other = EmailAddress.objects.create(user=bob, email="bobs-other@example.com", verified=False, primary=False)
    alice.set_password(PASSWORD)
    alice.save()
    client = Client()
    client.post(reverse("account_login"), {"login": "alice@example.com", "password": PASSWORD})
    before, sent = everything(), len(mail.outbox)
    for address in (bob.email, other.email, "nobody@example.com"):
        answer = client.post(reverse("account_email"), {"email": address, action: "1"})
        assert answer.status_code in (200, 302)
    assert everything() == before
    assert len(mail.outbox) == sent


def test_a_session_ends_with_signing_out_and_with_a_new_password(alice) -> None:
    kept = [session_of(alice), session_of(alice)]
    ask("POST", "accounts/logout/", {}, {}, session=kept[0])
    assert not Session.objects.filter(session_key=kept[0]).exists()
    alice.set_password("another horse battery")
    alice.save()
    assert [ask("GET", "", {}, {}, session=session).status_code for session in kept] == [302, 302]


def test_made_up_sessions_are_nobodys(world) -> None:
    before = everything()
    key = world.sessions["alice"]
    for made_up in ("a" * 32, key[:-1], key.upper(), key + "x", " " + key[1:], "../" + key, "'", "%00", key[::-1]):
        assert ask("GET", "account/", {}, {}, session=made_up).status_code == 302
    assert everything() == before


FILE_NAMES = [
    'a"; filename="evil.exe',
    "a.html",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "a\u202egpj.exe",
    "Z\u0351\u0352\u0353\u0354a\u0301\u0302" * 9,
    "ünïcode – “quotes”",
    "semi;colon=1",
    "%0d%0aSet-Cookie: a=b",
    "CON",
    ".htaccess",
    "   ",
    "'*=utf-8''",
    "💣" * 60,
]


@pytest.mark.parametrize("title", FILE_NAMES)
def test_a_title_stays_inside_the_name_of_its_download(rf, alice, penora, title) -> None:
    project = save(alice, penora, title=title).project
    given = serve_content(rf.get("/", {"download": "1"}), project)["Content-Disposition"]
    assert given.isascii()
    assert given.isprintable()
    kind, *parts = given.split(";")
    assert kind == "attachment"
    assert [part.split("=")[0].strip() for part in parts] in (["filename"], ["filename*"])
    assert not set('/\\"') & set(parts[0].partition("=")[2].strip().strip('"'))
    assert parts[0].rstrip('"').endswith((".txt", ".md"))


def test_a_mail_leads_to_us_whatever_host_was_asked(alice, settings) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Server": "evil.example",
        "Forwarded": "host=evil.example",
    }
    Client(headers=forged).post(reverse("account_reset_password"), {"email": "alice@example.com"})
    assert len(mail.outbox) == 1
    assert "evil" not in mail.outbox[0].body
    assert Client(headers={"Host": "evil.example"}).get(reverse("account_login")).status_code == 400


HOSTILE_QUERIES = [
    "\x00",
    "' OR 1=1 --",
    "-1",
    "9" * 30,
    "٣",
    "NaN",
    "../..",
    "<script>",
    "a" * 5_000,
    "[]",
    '" NEAR(',
    "%",
]


@pytest.mark.parametrize("route", ["projects/", "credits/", "storage/", "projects/<code>/", "credits/statement.csv"])
def test_no_parameter_breaks_a_page_or_comes_back_as_markup(world, route) -> None:
    before = everything()
    names = ("page", "q", "sort", "app", "type", "tag", "since", "until", "view", "days", "favourite", "kind", "month")
    for name in names:
        for value in HOSTILE_QUERIES:
            answer = ask("GET", route, {name: value}, world.alices, session=world.sessions["alice"])
            assert answer.status_code in (200, 400), (name, value)
            assert b"<script>" not in b"".join(answer)
    assert everything() == before


def test_guessing_login_links_is_stopped(world, settings) -> None:
    cache.clear()
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "address": (5, 60)}
    before = everything()
    statuses = [Client().get(f"/accounts/link/{guess:043d}").status_code for guess in range(8)]
    assert 429 in statuses[5:]
    assert set(statuses) == {410, 429}
    assert everything() == before


def test_guessing_keys_and_codes_is_stopped(world, settings) -> None:
    cache.clear()
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "address": (5, 60), "user": (5, 60)}
    before = everything()
    wrong = [ask("GET", f"{BASE}prices", {}, {}, key=f"unk_abcdefgh_{guess:064x}").status_code for guess in range(8)]
    codes = [
        ask("GET", f"{BASE}project/AAAAA{n}", {"user_id": "alice"}, {}, key=world.keys["penora"]) for n in "23456789"
    ]
    assert set(wrong) == {401, 429}
    assert {answer.status_code for answer in codes} == {404, 429}
    assert all(answer["Retry-After"] for answer in codes if answer.status_code == 429)
    assert everything() == before
