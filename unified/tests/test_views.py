"""The home page, the apps' colours, and what operators ask."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ClientApp, User
from credits import services as credits
from unified import views
from workspace import services as workspace
from workspace.content import prepare

pytestmark = pytest.mark.django_db


def make_app(slug: str) -> ClientApp:
    return ClientApp.objects.get_or_create(slug=slug, defaults={"name": slug.title(), "hue": 28})[0]


@pytest.fixture
def alice() -> User:
    return workspace.join(user_id="alice", username="Alice Moreau", email="a@example.com", app=make_app("penora"))[0]


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def write(user: User, title: str) -> None:
    workspace.save_project(
        user=user,
        app=make_app("penora"),
        project_type="text",
        title=title,
        prepared=prepare(project_type="text", content="Once"),
        charge={"amount": 1, "description": title},
    )


def test_asks_strangers_to_sign_in() -> None:
    assert Client().get("/")["Location"] == "/accounts/login/?next=/"


def test_a_new_person_sees_sixty_credits_and_what_to_do_next(browser: Client) -> None:
    page = browser.get("/").content.decode()
    assert re.search("Good (morning|afternoon|evening), <bdi>Alice</bdi>", page)
    assert "<b>60</b>" in page
    assert "Your first project will appear here" in page


def test_shows_the_six_latest_projects_and_what_was_spent(alice: User, browser: Client) -> None:
    for number in range(8):
        write(alice, f"Text {number}")
    page = browser.get("/").content.decode()
    assert re.findall(r'<strong dir="auto">(.*?)</strong>', page) == [f"Text {number}" for number in range(7, 1, -1)]
    assert "All 8 projects" in page
    assert "8 credits spent in the last 30 days: Penora 8" in page
    assert "<b>52</b>" in page


def test_shows_holds_apart_from_what_is_available(alice: User, browser: Client) -> None:
    credits.hold(user=alice, app=make_app("penora"), amount=4)
    page = browser.get("/").content.decode()
    assert "<b>56</b>" in page
    assert "4 on hold" in page


def test_makes_as_many_queries_for_forty_projects_as_for_two(alice: User, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/").status_code == 200
        return len(captured)

    write(alice, "One")
    write(alice, "Two")
    few = queries()
    for number in range(38):
        write(alice, f"More {number}")
    assert queries() == few


@pytest.mark.parametrize(
    ("now", "greeting"),
    [
        ("2026-07-01T03:30", "Good morning"),
        ("2026-07-01T10:00", "Good afternoon"),
        ("2026-07-01T02:59", "Good evening"),
    ],
)
def test_greets_by_the_readers_clock(browser: Client, monkeypatch: pytest.MonkeyPatch, now: str, greeting: str) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime.fromisoformat(f"{now}+00:00"))
    browser.cookies["zone"] = "Europe/Berlin"
    assert f"{greeting}, <bdi>" in browser.get("/").content.decode()


@pytest.mark.parametrize(
    ("cookie", "language", "shown"),
    [
        ("", "en", "19:30 UTC"),
        ("Europe/Berlin", "en", "21:30"),
        ("Asia/Tokyo", "en", "Yesterday"),
        ("America/New_York", "en-US", "3:30 PM"),
        ("../../etc/passwd", "en-GB", "19:30 UTC"),
    ],
)
def test_tells_times_in_the_readers_zone_and_format(
    alice: User, browser: Client, monkeypatch: pytest.MonkeyPatch, cookie: str, language: str, shown: str
) -> None:
    moment = datetime(2026, 7, 1, 19, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    write(alice, "A page")
    if shown == "Yesterday":
        monkeypatch.setattr(timezone, "now", lambda: moment + timedelta(hours=20))
    browser.cookies["zone"] = cookie
    page = browser.get("/", HTTP_ACCEPT_LANGUAGE=language).content.decode()
    assert re.findall(r'<time datetime="2026-07-01T19:30:00\+00:00" title="[^"]+">([^<]+)<', page)[0] == shown


def test_answers_programs_in_utc_whatever_the_reader_s_zone(alice: User, browser: Client) -> None:
    browser.cookies["zone"] = "Asia/Tokyo"
    assert browser.get("/api/unified/user-info").json()["created_at"].endswith(("Z", "+00:00"))


def test_each_apps_hue_is_a_class_that_browsers_may_keep() -> None:
    ClientApp.objects.filter(slug="penora").delete()
    make_app("penora")
    answer = Client().get("/apps.css")
    assert answer["Content-Type"] == "text/css"
    assert ".app-penora{--hue:28}" in answer.content.decode()
    assert Client().get("/apps.css", HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 304
    ClientApp.objects.filter(slug="penora").update(hue=200)
    assert Client().get("/apps.css", HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 200


def test_operators_see_that_everything_answers() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert set(ready.json()["checks"]) == {"database", "cache", "storage"}


def test_operators_see_what_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "get", lambda key: None, raising=False)
    with pytest.raises(RuntimeError):
        views._ask_cache()
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["cache"] == "down"
    assert answer.json()["checks"]["database"] == "ok"


def test_a_theme_is_kept_in_the_browser_and_leads_back(browser: Client) -> None:
    assert "data-theme=" not in browser.get("/credits/").content.decode().split("<head>")[0]
    answer = browser.post("/theme", {"theme": "dark", "next": "/credits/?type=used"})
    assert (answer.status_code, answer["Location"]) == (302, "/credits/?type=used")
    kept = browser.cookies["theme"]
    assert (kept.value, kept["samesite"], kept["path"]) == ("dark", "Lax", "/")
    page = browser.get("/credits/").content.decode()
    assert 'data-theme="dark"' in page.split("<head>")[0]
    assert re.search(r'value="dark" aria-pressed="true"', page)
    browser.post("/theme", {"theme": "system"})
    assert "data-theme=" not in browser.get("/credits/").content.decode().split("<head>")[0]


@pytest.mark.parametrize("sent", [{"theme": '"><script>'}, {}, {"theme": "dark", "next": "https://evil.example/"}])
def test_a_theme_that_is_none_changes_nothing_and_leads_nowhere_else(browser: Client, sent: dict[str, str]) -> None:
    assert browser.post("/theme", sent)["Location"] == "/"
    browser.cookies["theme"] = '"><script>'
    assert '<script>"' not in browser.get("/").content.decode()
    assert "data-theme=" not in browser.get("/").content.decode().split("<head>")[0]
