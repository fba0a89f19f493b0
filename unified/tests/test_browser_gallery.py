"""Finding, selecting and viewing projects in a real Chromium."""

import re

import pytest
from playwright.sync_api import Route, expect

from accounts.models import ClientApp, User
from credits import services as credits
from workspace.models import Project
from workspace.tests.page_cast import paint, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def expect_titles(page, titles: list[str]) -> None:
    """Waits for them: after a press the page before it can still be read."""
    expect(page.locator(".tile strong")).to_have_text(titles)


def press(page, key: str) -> None:
    """A person presses keys on a page that has finished loading."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def test_filters_apply_themselves_and_stay_in_the_address(visitor, alice: User) -> None:
    write(alice, "Lighthouse", "The keeper counted")
    write(alice, "Harbour", "A bell")
    paint(alice, "Square")
    visit = visitor(alice)
    page = visit.page
    page.goto("/projects/")
    page.keyboard.press("/")
    page.keyboard.type("keeper")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/projects/\?q=keeper$"))
    expect(page.locator("#id_q")).to_be_focused()
    page.fill("#id_q", "")
    expect(page).to_have_url(re.compile(r"/projects/$"))
    page.get_by_text("ImageGene").first.click()
    expect(page).to_have_url(re.compile(r"/projects/\?app=imagegene$"))
    expect(page.locator(".tile")).to_have_count(1)
    page.reload()
    expect_titles(page, ["Square"])
    page.go_back()
    expect(page.locator(".tile")).to_have_count(3)
    page.go_back()
    expect_titles(page, ["Lighthouse"])
    expect(page.locator("#id_q")).to_have_value("keeper")
    assert visit.troubles == []


def test_what_is_typed_while_the_page_looks_at_itself_anew_is_kept(visitor, alice: User) -> None:
    write(alice, "Lighthouse", "The keeper counted")
    write(alice, "Harbour", "A bell")
    visit = visitor(alice, timezone_id="Europe/Paris")
    page = visit.page
    page.context.add_cookies([{"name": "zone", "value": "Europe/Paris", "url": visit.base}])
    page.goto("/projects/")
    page.locator(":root[data-live=on]").wait_for()
    late: list[Route] = []
    page.route(lambda address: address.endswith("/projects/"), lambda route: late.append(route))
    with page.expect_request(lambda request: request.url.endswith("/projects/")):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('changed'))")
    page.locator("#id_q").press_sequentially("keep", delay=1)
    for look in late:
        look.continue_()
    page.unroute_all(behavior="wait")
    page.locator("#id_q").press_sequentially("er", delay=1)
    expect(page.locator("#id_q")).to_have_value("keeper")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/projects/\?q=keeper$"))
    expect(page.locator("#id_q")).to_be_focused()
    assert late
    assert visit.troubles == []


def test_what_is_typed_before_the_page_listens_is_sought(visitor, alice: User) -> None:
    write(alice, "Lighthouse", "The keeper counted")
    write(alice, "Harbour", "A bell")
    visit = visitor(alice)
    page = visit.page
    held: list[Route] = []
    page.route(re.compile(r"/htmx\.min"), lambda route: held.append(route))
    page.goto("/projects/", wait_until="commit")
    page.locator("#id_q").press_sequentially("keeper", delay=1)
    for script in held:
        script.continue_()
    page.unroute_all(behavior="wait")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/projects/\?q=keeper$"))
    page.press("#id_q", "Enter")
    page.wait_for_timeout(500)
    page.go_back()
    expect(page.locator(".tile")).to_have_count(2)
    assert len(held) == 1
    assert visit.troubles == []


def test_selecting_counts_and_deleting_moves_the_focus_on_and_can_be_undone(visitor, alice: User) -> None:
    for number in range(4):
        write(alice, f"Text {number}", "x" * 1536)
    visit = visitor(alice)
    page = visit.page
    page.goto("/projects/")
    expect(page.locator("#pick")).to_be_hidden()
    page.locator(".picker").nth(1).check()
    page.locator(".picker").nth(2).click(modifiers=["Shift"])
    bar = page.locator("#pick")
    bytes_of_two = sum(Project.objects.filter(title__in=["Text 1", "Text 2"]).values_list("file_size_bytes", flat=True))
    expect(bar).to_contain_text(f"2 selected · frees {bytes_of_two} bytes")
    bar.get_by_role("button", name="Move to trash").click()
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator(".tile > a").nth(1)).to_be_focused()
    expect_titles(page, ["Text 3", "Text 0"])
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile")).to_have_count(4)
    assert visit.troubles == []


def test_the_viewer_is_walked_and_zoomed_with_keys(visitor, alice: User) -> None:
    first, second = paint(alice, "First"), paint(alice, "Second")
    visit = visitor(alice)
    page = visit.page
    page.goto(f"/projects/{second.code}/")
    stage = page.locator("[data-stage]")
    press(page, "+")
    expect(stage).to_have_attribute("data-zoom", "1")
    press(page, "Escape")
    expect(stage).to_have_attribute("data-zoom", "0")
    press(page, "ArrowRight")
    expect(page.locator("h1")).to_have_text("First")
    press(page, "ArrowLeft")
    expect(page.locator("h1")).to_have_text("Second")
    press(page, "ArrowRight")
    expect(page).to_have_url(re.compile(first.code))
    press(page, "Escape")
    expect(page).to_have_url(re.compile(rf"/projects/#p-{first.code}$"))
    assert visit.troubles == []


def test_a_prompt_is_copied(visitor, alice: User) -> None:
    code = paint(alice, "Square").code
    visit = visitor(alice, permissions=["clipboard-read", "clipboard-write"])
    visit.page.goto(f"/projects/{code}/")
    visit.page.bring_to_front()
    visit.page.get_by_role("button", name="Copy prompt").click()
    # The button says so too, but only for two seconds.
    expect(visit.page.locator("#said")).to_have_text("Copied", timeout=15_000)
    assert visit.page.evaluate("navigator.clipboard.readText()") == "a teal square"


def two_pages_of_credits(visitor, user: User):
    for number in range(35):
        credits.charge(user=user, app=ClientApp.objects.get(slug="penora"), amount=1, description=f"Page {number}")
    visit = visitor(user, viewport={"width": 1440, "height": 900}, timezone_id="Europe/Paris")
    # A page that learns of the reader's zone first is asked for again meanwhile.
    visit.page.context.add_cookies([{"name": "zone", "value": "Europe/Paris", "url": visit.base}])
    visit.page.goto("/credits/")
    return visit


def test_turning_a_page_of_the_statement_stays_at_the_statement(visitor, alice: User) -> None:
    visit = two_pages_of_credits(visitor, alice)
    page = visit.page
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile(r"/credits/\?page=2#statement$"))
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(page.locator("#statement")).to_be_in_viewport()
    page.go_back()
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    assert visit.troubles == []


def test_a_late_look_at_the_page_before_does_not_bring_it_back(visitor, alice: User) -> None:
    visit = two_pages_of_credits(visitor, alice)
    page = visit.page
    page.locator(":root[data-live=on]").wait_for()
    late: list[Route] = []

    def keep(route: Route) -> None:
        late.append(route)

    page.route(lambda address: address.endswith("/credits/"), keep)
    with page.expect_request(f"{visit.base}/credits/"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('changed'))")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    for look in late:
        look.continue_()
    page.unroute_all(behavior="wait")
    # An answer that is not wanted any more has its time to come.
    page.wait_for_timeout(500)
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    assert late
    assert visit.troubles == []


def test_favourites_and_tags_change_in_place(visitor, alice: User) -> None:
    code = write(alice, "Dear").code
    visit = visitor(alice)
    page = visit.page
    page.goto(f"/projects/{code}/")
    page.get_by_role("button", name="Favourite").click()
    expect(page.locator("#star")).to_have_attribute("aria-pressed", "true")
    page.fill("#id_add", "novel")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="novel")).to_be_visible()
    page.get_by_role("button", name="Remove novel").click()
    expect(page.get_by_role("link", name="novel")).to_have_count(0)
    assert Project.objects.get(code=code).favourite is True
    assert visit.troubles == []


def test_all_of_it_works_without_javascript(visitor, alice: User) -> None:
    write(alice, "Lighthouse", "The keeper counted")
    paint(alice, "Square")
    page = visitor(alice, java_script_enabled=False).page
    page.goto("/projects/")
    page.fill("#id_q", "keeper")
    page.get_by_role("button", name="Apply").first.click()
    expect(page).to_have_url(re.compile(r"q=keeper"))
    expect_titles(page, ["Lighthouse"])
    page.locator(".picker").first.check()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.locator("main")).to_contain_text("1 project is in the trash.")
    page.get_by_role("button", name="Undo").click()
    expect_titles(page, ["Lighthouse"])


def test_the_strip_of_a_phone_shows_where_one_is(visitor, alice: User) -> None:
    codes = [paint(alice, f"Square {number}").code for number in range(9)]
    page = visitor(alice, viewport={"width": 360, "height": 740}).page
    page.goto(f"/projects/{codes[4]}/")
    expect(page.locator(".film [aria-current]")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector('.film').scrollLeft") > 0
