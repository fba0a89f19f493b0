"""What a page does by itself in a real Chromium: the reader's zone, live numbers, lost connections, the theme."""

import re

import pytest
from playwright.sync_api import APIResponse, Route, expect

from accounts.models import ClientApp, User
from credits import services as credits
from workspace import services as workspace
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


def test_a_look_that_broke_is_said_and_taken_again(visitor, alice: User) -> None:
    visit = visitor(alice)
    page = visit.page
    page.goto("/credits/")
    page.locator(":root[data-live=on]").wait_for()
    page.route(lambda address: address == f"{visit.base}/credits/", lambda route: route.fulfill(status=500, body="<p>"))
    credits.charge(user=alice, app=ClientApp.objects.get(slug="penora"), amount=7)
    expect(page.locator(".live .off")).to_have_text("Reconnecting…")
    expect(page.locator("[data-spoken=credits] b")).to_have_text("60")
    page.unroute_all()
    expect(page.locator("[data-spoken=credits] b")).to_have_text("53", timeout=20_000)
    expect(page.locator(".live .off")).to_be_hidden()


@pytest.mark.parametrize("answer", ["nothing", "a fault"])
def test_a_press_that_does_not_get_through_is_said_and_changes_nothing(visitor, alice: User, answer: str) -> None:
    project = write(alice, "A text")
    visit = visitor(alice)
    page = visit.page
    page.goto(f"/projects/{project.code}")
    page.route(
        "**/favourite", lambda route: route.abort() if answer == "nothing" else route.fulfill(status=500, body="<p>")
    )
    for _ in range(2):
        page.get_by_role("button", name="favourite").click()
        expect(page.get_by_role("alert")).to_have_text(
            "That did not get through. Nothing was changed: please try again."
        )
    expect(page.get_by_role("heading", level=1)).to_have_text("A text")
    page.unroute_all()
    page.get_by_role("button", name="favourite").click()
    expect(page.get_by_role("button", name="favourite")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_is_pressed_on_a_thing_that_is_gone_says_so_in_place(visitor, alice: User) -> None:
    project = write(alice, "A text")
    visit = visitor(alice)
    visit.page.goto("/")  # The zone is told here: the viewer need not be asked for twice.
    visit.page.goto(f"/projects/{project.code}")
    workspace.purge(user=alice, app=None, project_code=project.code)
    visit.page.get_by_role("button", name="favourite").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Nothing here")
    expect(visit.page.locator("main")).to_have_count(1)


def test_whoever_was_signed_out_elsewhere_is_asked_to_sign_in_in_place(visitor, alice: User) -> None:
    visit = visitor(alice)
    visit.page.goto("/credits/")
    visit.page.locator(":root[data-live=on]").wait_for()
    visit.page.context.clear_cookies()
    visit.page.evaluate("document.body.dispatchEvent(new CustomEvent('changed'))")
    expect(visit.page.get_by_label("Email")).to_be_visible()


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
