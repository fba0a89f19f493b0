"""What Lighthouse asks of a page, asked of every page on a phone and at a desk: nothing moves while it loads, it says
what it is and in which language, what is pressed is large enough, nothing is wider than the screen, the console stays
quiet.

(Contrast is axe's: test_browser_axe.)"""

from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import User
from unified.tests.test_browser_axe import OWN, STRANGERS, a_full_life

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1440, "height": 900}}
# Kept where scripts come and go: what moved, and by how much of the screen.
WATCH = """window.shifts = [];
new PerformanceObserver(list => list.getEntries().filter(entry => !entry.hadRecentInput).forEach(entry =>
    window.shifts.push([entry.value, ...entry.sources.map(({ node }) => (node?.outerHTML ?? "").slice(0, 90))])
)).observe({ type: "layout-shift", buffered: true });"""
SETTLED = """async () => {
    await document.fonts.ready;
    const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    for (let frame = 0; frame < 3; frame += 1) await painted();
}"""
# A label is pressed for its box. Targets inside of a sentence are exempt (WCAG 2.5.8), and those only a keyboard shows.
SMALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
    .filter(one => one.checkVisibility({ visibilityProperty: true }) && !one.matches(".skip, .skip-to-content-link"))
    .filter(one => !(one.matches("a") && getComputedStyle(one).display === "inline"
        && one.closest("p, dd, td, .muted")?.textContent.trim().length > one.textContent.trim().length))
    .filter(one => [one, ...(one.labels ?? [])].map(part => part.getBoundingClientRect())
        .every(({ width, height }) => width < 23.5 || height < 23.5))
    .map(one => `${one.offsetWidth}×${one.offsetHeight} ${one.outerHTML.slice(0, 90)}`)"""
ABOUT = """() => ({
    title: document.title.length > 3,
    language: document.documentElement.lang.slice(0, 2),
    description: (document.querySelector("meta[name=description]")?.content ?? "").length > 20,
    headings: document.querySelectorAll("h1").length,
    fits: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
})"""
GOOD = {"title": True, "language": "en", "description": True, "headings": 1, "fits": True}


def seen(page: Page, path: str, settled: float) -> dict[str, Any]:
    """What there is to object to on a page where less than `settled` of the screen may move."""
    page.goto(path)
    if page.locator(".live").count():
        page.locator(":root[data-live=on]").wait_for()
    page.evaluate(SETTLED)
    about = page.evaluate(ABOUT)
    return {
        "shifts": [shift for shift in page.evaluate("window.shifts") if shift[0] > settled],
        "small": page.evaluate(SMALL),
        "not as it should be": {name: said for name, said in about.items() if said != GOOD[name]},
    }


def objections(visit: Any, paths: list[str], settled: float = 0.01) -> dict[str, dict[str, Any]]:
    visit.page.add_init_script(WATCH)
    found = {path: {what: told for what, told in seen(visit.page, path, settled).items() if told} for path in paths}
    return {path: told for path, told in found.items() if told}


@pytest.mark.parametrize("size", SIZES)
def test_nothing_to_object_to_on_the_pages_of_a_person(visitor, alice: User, size: str) -> None:
    paths = [*OWN, "/projects/?q=one&sort=best", *a_full_life(alice)]
    visit = visitor(alice, viewport=SIZES[size])
    assert objections(visit, paths) == {}
    assert visit.troubles == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_to_object_to_on_the_way_in(visitor, size: str) -> None:
    visit = visitor(viewport=SIZES[size])
    assert objections(visit, [path for path in STRANGERS if path != "/nothing/here/"]) == {}
    assert visit.troubles == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_to_object_to_on_the_staffs_pages(visitor, staff: User, alice: User, size: str) -> None:
    a_full_life(alice)
    desk = f"/admin/accounts/user/{alice.pk}"
    visit = visitor(staff, viewport=SIZES[size])
    # The frame is Django's, which is moved by its own scripts; a tenth is what Core Web Vitals call good.
    assert objections(visit, ["/admin/", f"{desk}/change/", f"{desk}/grant/"], settled=0.1) == {}
    assert visit.troubles == []


def test_what_moves_or_is_small_is_seen(visitor) -> None:
    page = visitor(viewport=SIZES["desk"]).page
    page.add_init_script(WATCH)
    page.goto("/accounts/login/")
    page.evaluate(SETTLED)
    page.evaluate("""() => {
        document.querySelector("main").style.paddingTop = "99px";
        document.querySelector("main button").style.cssText = "block-size: 9px; min-block-size: 0; padding: 0";
    }""")
    page.evaluate(SETTLED)
    assert any(moved > 0.01 for moved, *_ in page.evaluate("window.shifts"))
    assert len(page.evaluate(SMALL)) == 1
