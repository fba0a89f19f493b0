"""The credits page and the statement's CSV."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ClientApp, User
from credits import services, spending
from credits.models import Entry, Price

pytestmark = pytest.mark.django_db


def make_app(slug: str) -> ClientApp:
    return ClientApp.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def make_user(name: str) -> User:
    user = User.objects.create_user(f"{name}@example.com", name.title(), user_id=name)
    services.wallet_of(user=user)
    return user


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/credits/statement.csv{query}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


@pytest.mark.parametrize("path", ["/credits/", "/credits/statement.csv"])
def test_is_its_owners_and_asks_strangers_to_sign_in(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 200
    assert Client().get(path).status_code == 302
    assert browser.post(path).status_code == 405


def test_says_what_is_available_and_what_is_on_hold(alice: User, browser: Client) -> None:
    services.hold(user=alice, app=make_app("imagegene"), amount=7, description="Two variations")
    page = browser.get("/credits/").content.decode()
    assert "<b>53</b>" in page
    assert "7 more on hold" in page
    assert "Two variations" in page


def test_a_grant_says_until_when_it_lasts(alice: User, browser: Client) -> None:
    expires_at = timezone.now() + timedelta(days=40)
    services.grant(user=alice, amount=10, reason="Thank you", expires_at=expires_at)
    assert expires_at.isoformat(timespec="seconds") in browser.get("/credits/").content.decode()


def test_an_empty_wallet_says_that_nothing_is_lost(alice: User, browser: Client) -> None:
    services.charge(user=alice, app=make_app("penora"), amount=60)
    page = browser.get("/credits/").content.decode()
    assert "You have used them all." in page
    assert "Nothing is left to spend." in page


def test_nobody_sees_anothers_entries(browser: Client) -> None:
    bob = make_user("bob")
    services.charge(user=bob, app=make_app("penora"), amount=3, description="Bob's secret")
    assert "Bob's secret" not in browser.get("/credits/").content.decode()
    assert {row["transaction_type"] for row in rows(browser)} == {"base", "bonus"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Picture", "Pages", "Sign-up bonus", "Sign-up credits"]),
        ("?app=penora", ["Pages"]),
        ("?app=unified", ["Sign-up bonus", "Sign-up credits"]),
        ("?type=used", ["Picture", "Pages"]),
        ("?type=used&app=imagegene", ["Picture"]),
        ("?project=ABCDEF", ["Picture"]),
        ("?until=2020-01-01", []),
        ("?since=2020-01-01&type=used", ["Picture", "Pages"]),
        (
            "?app=nonsense&type=nonsense&project=a&since=nonsense",
            ["Picture", "Pages", "Sign-up bonus", "Sign-up credits"],
        ),
    ],
)
def test_filters_work_alike_on_the_page_and_in_the_file(
    alice: User, browser: Client, query: str, expected: list[str]
) -> None:
    services.charge(user=alice, app=make_app("penora"), amount=3, description="Pages")
    services.charge(user=alice, app=make_app("imagegene"), amount=2, description="Picture", project_code="ABCDEF")
    assert [row["description"] for row in rows(browser, query)] == expected
    page = browser.get(f"/credits/{query}")
    assert [entry.description for entry in page.context["page"]] == expected


def test_a_statement_is_told_by_the_readers_days(alice: User, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for moment in ("2026-07-01T20:00", "2026-07-01T23:30", "2026-07-02T01:00"):
        monkeypatch.setattr(timezone, "now", lambda moment=moment: datetime.fromisoformat(f"{moment}+00:00"))
        services.charge(user=alice, app=make_app("penora"), amount=1, description=moment)

    def days() -> list[tuple[date, int]]:
        return [(day, len(entries)) for day, entries in browser.get("/credits/?type=used").context["statement"]]

    assert days() == [(date(2026, 7, 2), 1), (date(2026, 7, 1), 2)]
    browser.cookies["zone"] = "Europe/Berlin"
    assert days() == [(date(2026, 7, 2), 2), (date(2026, 7, 1), 1)]
    page = browser.get("/credits/?type=used&since=2026-07-02").context["page"]
    assert [entry.description for entry in page] == ["2026-07-02T01:00", "2026-07-01T23:30"]


def test_shows_spending_of_ninety_days_when_asked(browser: Client) -> None:
    assert len(browser.get("/credits/").context["spending"].days) == 30
    assert len(browser.get("/credits/?days=90").context["spending"].days) == 90
    assert len(browser.get("/credits/?days=100000").context["spending"].days) == 30


def test_the_file_takes_the_filters_along(browser: Client) -> None:
    page = browser.get("/credits/?type=bonus&days=90&page=1").content.decode()
    assert 'href="/credits/statement.csv?type=bonus" download' in page


def test_a_filter_without_entries_says_so(browser: Client) -> None:
    assert "No entries match" in browser.get("/credits/?type=expired").content.decode()


def test_the_file_adds_up_and_runs_no_formula(alice: User, browser: Client) -> None:
    services.charge(user=alice, app=make_app("penora"), amount=3, description='=HYPERLINK("x")')
    found = rows(browser)
    assert found[0]["description"] == '\'=HYPERLINK("x")'
    assert sum(int(row["amount"]) for row in found) == int(found[0]["balance_after"]) == 57


def test_pages_lead_to_older_entries(alice: User, browser: Client) -> None:
    for number in range(30):
        services.charge(user=alice, app=make_app("penora"), amount=1, description=f"Page {number}")
    page = browser.get("/credits/?app=").content.decode()
    assert "page=2" in page
    assert "Sign-up credits" in [entry.description for entry in browser.get("/credits/?page=2").context["page"]]


def test_makes_as_many_queries_for_forty_entries_as_for_four(alice: User, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/credits/").status_code == 200
        return len(captured)

    services.charge(user=alice, app=make_app("penora"), amount=1)
    services.hold(user=alice, app=make_app("imagegene"), amount=1)
    few = queries()
    for _ in range(10):
        services.charge(user=alice, app=make_app("penora"), amount=1)
        services.hold(user=alice, app=make_app("imagegene"), amount=1)
        services.grant(user=alice, amount=1, reason="More")
    assert queries() == few


def test_counts_what_was_used_by_day_and_app(alice: User) -> None:
    penora, imagegene = make_app("penora"), make_app("imagegene")
    services.charge(user=alice, app=penora, amount=3)
    services.charge(user=alice, app=imagegene, amount=2)
    services.charge(user=alice, app=imagegene, amount=2)
    found = spending.last_days(alice, [penora, imagegene])
    assert len(found.days) == 30
    assert [(part.app, part.credits) for part in found.days[-1].parts] == [(penora, 3), (imagegene, 4)]
    assert found.total == 7 == -sum(entry.amount for entry in Entry.objects.filter(transaction_type="used"))
    assert found.summary == "7 credits spent in the last 30 days: Penora 3, ImageGene 4"


def test_columns_stay_inside_the_chart(alice: User) -> None:
    penora, imagegene = make_app("penora"), make_app("imagegene")
    services.charge(user=alice, app=penora, amount=1)
    services.charge(user=alice, app=imagegene, amount=50)
    found = spending.last_days(alice, [penora, imagegene])
    parts = found.days[-1].parts
    assert [part.credits for part in parts] == [1, 50]
    assert parts[1].y == pytest.approx(found.line, abs=1)
    assert parts[1].y + parts[1].height < parts[0].y
    assert parts[0].y + parts[0].height == 100
    assert found.days[-1].x + found.days[-1].width < 100
    assert found.highest == 51


def test_a_day_begins_where_the_reader_is(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 7, 1, 20, 0, tzinfo=UTC))
    penora = make_app("penora")
    services.charge(user=alice, app=penora, amount=3)
    with timezone.override("Asia/Tokyo"):
        found = spending.last_days(alice, [penora])
    assert (found.days[-1].day, found.days[-1].credits) == (date(2026, 7, 2), 3)
    assert found.days[-1].label == "2 Jul: Penora 3"


def test_says_what_credits_buy() -> None:
    penora = Price(app=make_app("penora"), operation="page_generation", unit="page", credits=1)
    imagegene = Price(app=make_app("imagegene"), operation="image_generation", unit="image", credits=2)
    anybody = Price(operation="premium_feature", credits=5)
    assert [buy.text for buy in spending.buys(3, [penora, imagegene, anybody])] == ["3 pages", "1 image"]


@pytest.mark.parametrize(("left", "says"), [(11, False), (10, True), (1, True), (0, False)])
def test_says_when_credits_run_low(browser: Client, alice: User, left: int, says: bool) -> None:
    wallet = services.set_low_mark(user=alice, credits=10)
    services.charge(user=alice, app=make_app("penora"), amount=wallet.available - left)
    assert ("Running low" in browser.get("/credits/").content.decode()) is says


def test_the_products_own_words_are_in_the_readers_language_and_nobody_elses(alice: User, browser: Client) -> None:
    services.charge(user=alice, app=make_app("penora"), amount=1, description="Sign-up credits")
    page = browser.get("/credits/", headers={"Accept-Language": "de"}).content.decode()
    assert page.count(">Startguthaben</span>") == 1
    assert page.count(">Sign-up credits</span>") == 1
    assert "1 aus Bonus" in re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    assert "Datei verarbeiten" in page
    assert "/ Seite" in page
