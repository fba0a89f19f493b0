"""A narrow screen, long German words, a keyboard: nothing lies behind a bar, is cut off or leaves its line."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from workspace import services
from workspace.tests.page_cast import paint, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 360, "height": 640}
# The corners of what has the focus at which something else lies above it, and how far it is beyond the screen's sides.
HIDDEN = """() => {
    const one = document.activeElement;
    const { left, right, top, bottom } = one.getBoundingClientRect();
    const mine = (x, y) => document.elementsFromPoint(x, y)[0]?.closest(".picking, .rail, .notices") == null;
    return {
        covered: one.closest(".picking, .rail, .notices") ? 0
            : [top + 4, bottom - 4].filter(y => !mine((left + right) / 2, y)).length,
        beyond: Math.max(0, -left, right - innerWidth) > (right - left) / 2,
    };
}"""


def tabbed(page: Page, times: int) -> list[dict[str, Any]]:
    """What is hidden of each of the next stops of the Tab key."""
    seen = []
    for _ in range(times):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(HIDDEN))
    return seen


def test_the_bar_of_what_is_selected_covers_no_focus(visitor, alice: User) -> None:
    for number in range(12):
        write(alice, f"Text {number}")
    page = visitor(alice, viewport=PHONE).page
    page.goto("/projects/")
    page.locator(".picker").first.check()
    expect(page.locator("#pick")).to_be_visible()
    stops = tabbed(page, 24)
    assert sum(stop["covered"] for stop in stops) == 0


def test_a_filter_of_which_a_sliver_shows_comes_into_sight_with_the_focus(visitor, alice: User) -> None:
    write(alice, "A text")
    page = visitor(alice, viewport=PHONE).page
    page.goto("/projects/")
    page.locator("#id_type").focus()
    sliver = "box => { box.scrollLeft = box.querySelector('.chip:has([name=favourite])').offsetLeft - innerWidth + 3 }"
    page.locator(".scroller").evaluate(sliver)
    assert tabbed(page, 1) == [{"covered": 0, "beyond": False}]
    expect(page.locator("[name=favourite]")).to_be_focused()


def test_filters_are_all_in_sight_without_script(visitor, alice: User) -> None:
    write(alice, "A text")
    page = visitor(alice, viewport=PHONE, java_script_enabled=False).page
    page.goto("/projects/")
    button = page.get_by_role("button", name="Apply").first.bounding_box()
    assert button["x"] + button["width"] <= PHONE["width"]


def test_the_tools_of_the_viewer_stand_in_one_line_in_german(visitor, alice: User) -> None:
    codes = [paint(alice, f"Bild {number}").code for number in range(3)]
    page = visitor(alice, viewport=PHONE, locale="de").page
    page.goto(f"/projects/{codes[1]}/")
    tools = [page.locator(tool).bounding_box() for tool in ("#star", ".top .menu", "[rel=prev]", "[rel=next]")]
    assert len({tool["y"] for tool in tools}) == 1
    assert tools[-1]["x"] + tools[-1]["width"] <= PHONE["width"] - 16


def test_statements_fit_their_sheet_in_german_and_say_the_running_balance(visitor, alice: User) -> None:
    made = paint(alice, "Ein Bild")
    services.trash(user=alice, app=None, project_code=made.code)
    page = visitor(alice, viewport=PHONE, locale="de").page
    wide = []
    for path in ("/", "/storage/", "/credits/"):
        page.goto(path)
        wide += page.locator(".sheet").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
        )
        expect(page.locator(".ledger tbody td.number .phone-only").first).to_be_visible()
    assert wide == []
    expect(page.locator(".ledger tbody td.number").first).to_have_text("−258")


def test_how_much_is_free_is_not_cut_off(visitor, alice: User) -> None:
    write(alice, "A text", "x" * 300)
    workspace = services.workspace_of(user=alice)
    type(workspace).objects.filter(pk=workspace.pk).update(limit_bytes=workspace.used_bytes * 5 // 4)
    page = visitor(alice, viewport=PHONE).page
    page.goto("/storage/")
    expect(page.locator(".map")).to_be_visible()
    expect(page.locator(".map .free-word")).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator(".map .free-word")).to_be_visible()


def test_the_account_is_as_wide_as_its_heading(visitor, alice: User) -> None:
    page = visitor(alice, viewport={"width": 1440, "height": 900}).page
    page.goto("/account/")
    card, button = page.locator(".settings > .card").first.bounding_box(), page.locator(".top .btn").bounding_box()
    assert abs(card["x"] + card["width"] - button["x"] - button["width"]) < 1
