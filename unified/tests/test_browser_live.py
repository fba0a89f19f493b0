"""What a page does by itself in a real Chromium: the reader's zone, live numbers, lost connections, the theme."""

import re

import pytest
from playwright.sync_api import APIResponse, Route, expect

from accounts.models import ClientApp, User
from credits import services as credits
from workspace.tests.page_cast import write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_times_are_in_the_zone_of_the_browser_from_the_first_page_on(visitor, alice: User) -> None:
    visit = visitor(alice, timezone_id="Asia/Tokyo", locale="en-GB")
    visit.page.goto("/")
    moment = visit.page.locator(".ledger time").first
    expect(moment).not_to_contain_text("UTC")
    visit.page.goto("/credits/")
    expect(visit.page.locator(".ledger time").first).to_have_text(re.compile(r"^\d\d:\d\d$"))
    assert visit.troubles == []


def test_a_number_changes_by_itself_and_is_announced(visitor, alice: User) -> None:
    visit = visitor(alice)
    visit.page.goto("/")
    expect(visit.page.locator(".live .on")).to_be_visible()
    credits.charge(user=alice, app=ClientApp.objects.get(slug="penora"), amount=7, description="Seven pages")
    expect(visit.page.locator("[data-spoken=credits] b")).to_have_text("53")
    expect(visit.page.locator("#said")).to_contain_text("53")
    expect(visit.page.locator(".ledger tbody tr").first).to_contain_text("Seven pages")
    assert visit.troubles == []


def test_what_changes_while_the_page_looks_at_itself_is_seen_too(visitor, alice: User) -> None:
    visit = visitor(alice)
    page = visit.page
    page.goto("/")
    page.locator(":root[data-live=on]").wait_for()
    held: list[tuple[Route, APIResponse]] = []

    def look(route: Route) -> None:
        """The first look is answered late, with what was true when it was asked for."""
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route(lambda address: address == f"{visit.base}/", look)
    with page.expect_request(f"{visit.base}/"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('changed'))")
    while not held:
        page.wait_for_timeout(20)
    told = page.evaluate_handle("({ seen: new Promise((seen) => document.body.addEventListener('changed', seen)) })")
    credits.charge(user=alice, app=ClientApp.objects.get(slug="penora"), amount=7)
    told.evaluate("async ({ seen }) => { await seen; }")
    route, answer = held[0]
    route.fulfill(response=answer)
    expect(page.locator("[data-spoken=credits] b")).to_have_text("53")
    assert visit.troubles == []


def test_a_new_project_appears_and_keeps_what_is_selected(visitor, alice: User) -> None:
    write(alice, "First")
    visit = visitor(alice)
    visit.page.goto("/projects/")
    expect(visit.page.locator(":root[data-live=on]")).to_have_count(1)
    visit.page.locator(".picker").check()
    write(alice, "Second")
    expect(visit.page.locator(".tile strong")).to_have_text(["Second", "First"])
    expect(visit.page.locator(".picker:checked")).to_have_count(1)
    expect(visit.page.locator("#pick")).to_contain_text("1 selected")


@pytest.mark.parametrize("path", ["/", "/projects/", "/storage/", "/credits/", "/account/"])
def test_a_lost_connection_is_said(visitor, alice: User, path: str) -> None:
    write(alice, "A text")
    visit = visitor(alice)
    visit.page.goto(path)
    visit.page.locator(":root[data-live=on]").wait_for()
    expect(visit.page.locator(".live .off")).to_be_hidden()
    visit.page.route("**/events/stream*", lambda route: route.abort())
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(visit.page.locator(".live .off")).to_have_text("Reconnecting…")
    visit.page.unroute("**/events/stream*")
    expect(visit.page.locator(".live .off")).to_be_hidden(timeout=15_000)


def test_the_account_follows_and_keeps_what_is_being_typed(visitor, alice: User) -> None:
    visit = visitor(alice)
    visit.page.goto("/account/")
    visit.page.locator(":root[data-live=on]").wait_for()
    visit.page.get_by_label("Name").fill("Alice in W")
    write(alice, "A text")
    expect(visit.page.locator(".connection .figures")).to_contain_text("1 project")
    expect(visit.page.get_by_label("Name")).to_have_value("Alice in W")
    assert visit.troubles == []


def test_the_theme_is_kept(visitor, alice: User) -> None:
    page = visitor(alice, color_scheme="light").page
    page.goto("/")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    page.goto("/credits/")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
