"""Staff at work on a phone: nothing is wider than the screen, and axe has nothing to object to, light and dark."""

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from accounts import services as accounts
from accounts.models import ClientApp, Event, User, WebhookDelivery, WebhookEndpoint
from credits import services as credits
from credits.models import Entry, Hold, Price
from credits.tests.shop import FakeStripe, ordered, paid
from unified.tests.test_browser_axe import LOOKS, violations
from workspace.tests.page_cast import write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 360, "height": 740}
SIZES = {**LOOKS, "dark phone": {"color_scheme": "dark", "viewport": PHONE}}
# What a card does not hold, of all that is drawn.
OUTSIDE = """[...document.querySelectorAll("#content :is(.module, .card) *")].filter(part => {
    const card = part.closest(".module, .card").getBoundingClientRect(), box = part.getBoundingClientRect();
    return box.width > 1 && (box.right > card.right + 1 || box.right > innerWidth);
}).map(part => `${part.tagName} ${part.className} ${part.textContent.slice(0, 40)}`)"""
LISTS = (
    "accounts/user",
    "accounts/clientapp",
    "accounts/apikey",
    "accounts/connection",
    "accounts/auditentry",
    "accounts/webhookendpoint",
    "accounts/webhookdelivery",
    "credits/entry",
    "credits/grant",
    "credits/hold",
    "credits/price",
    "credits/package",
    "credits/purchase",
    "credits/paymentevent",
    "credits/wallet",
    "workspace/project",
    "workspace/workspace",
)


@pytest.fixture
def busy(alice: User, penora: ClientApp, shop: FakeStripe) -> User:
    """Somebody who has something of each kind."""
    credits.take_event(event=paid(ordered(alice)))
    credits.charge(user=alice, app=penora, amount=7, description="A very long description of what was made " * 6)
    credits.hold(user=alice, app=penora, amount=3)
    write(alice, "A text whose title is long enough to need a second line on a phone", "x" * 600)
    accounts.create_api_key(app=penora, scopes=["credits:read"])
    hook = WebhookEndpoint.objects.create(app=penora, url="https://hooks.penora.example/unified", secret="sealed")
    happened = Event.objects.filter(user=alice)[0]
    WebhookDelivery.objects.create(endpoint=hook, event=happened, error="the answer was no 2xx")
    return alice


@pytest.mark.parametrize("look", SIZES)
def test_no_list_is_wider_than_the_screen_and_axe_finds_nothing(visitor, staff: User, busy: User, look: str) -> None:
    visit = visitor(staff, bypass_csp=True, **SIZES[look])
    wide, found = [], {}
    for name in LISTS:
        path = f"/admin/{name}/"
        found |= violations(visit, [path])
        if visit.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path)
        cells = visit.page.locator("#result_list tbody td[data-label]:visible").evaluate_all(
            "all => all.filter(cell => cell.scrollWidth > cell.clientWidth + 1).length"
        )
        assert cells == 0 or "desk" in look, path
    assert wide == []
    assert found == {f"/admin/{name}/": [] for name in LISTS}


def pages_of(user: User) -> list[str]:
    """One page of each kind: numbers, a support desk, forms, rows of another page, what is shown once."""
    app = ClientApp.objects.get(slug="penora")
    desk, shop = f"/admin/accounts/user/{user.pk}", f"/admin/accounts/clientapp/{app.pk}"
    entry, hold = Entry.objects.owned_by(user)[0], Hold.objects.get(wallet=user.pk)
    ledger = [f"/admin/credits/entry/{entry.pk}/change/", f"/admin/credits/hold/{hold.pk}/change/"]
    asked = [f"{desk}/{page}/" for page in ("change", "grant", "adjust", "close", "history")]
    given = [f"{shop}/{page}/" for page in ("change", "issue-key", "sign-in", "add-webhook")]
    price = f"/admin/credits/price/{Price.objects.all()[0].pk}/change/"
    return ["/admin/", *asked, *given, *ledger, price, f"/admin/credits/hold/{hold.pk}/release/"]


@pytest.mark.parametrize("look", ["light phone", "dark phone"])
def test_every_kind_of_page_stays_within_its_cards_and_axe_finds_nothing(
    visitor, staff: User, busy: User, look: str
) -> None:
    visit = visitor(staff, bypass_csp=True, **SIZES[look])
    paths = pages_of(busy)
    found, outside = {}, {}
    for path in paths:
        found |= violations(visit, [path])
        outside[path] = visit.page.evaluate(OUTSIDE)
    assert found == {path: [] for path in paths}
    assert outside == {path: [] for path in paths}


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
@pytest.mark.parametrize("script", [True, False])
def test_the_admin_has_the_colours_of_the_system_until_others_are_chosen(
    visitor, staff: User, scheme: str, other: str, script: bool
) -> None:
    page = visitor(staff, color_scheme=scheme, java_script_enabled=script, viewport=PHONE).page
    page.goto("/admin/")
    await_brightness(page, scheme)
    page.get_by_role("button", name=other.capitalize(), exact=True).click()
    expect(page.get_by_role("button", name=other.capitalize(), exact=True)).to_have_attribute("aria-pressed", "true")
    await_brightness(page, other)
    page.goto("/admin/accounts/user/")
    await_brightness(page, other)


def brightness(page: Page) -> str:
    """Whether the page is drawn light or dark, as the eye sees it: without script there is no asking the page."""
    corner = page.screenshot(clip={"x": 0, "y": 700, "width": 1, "height": 1}, type="png")
    return "light" if Image.open(BytesIO(corner)).convert("L").tobytes()[0] > 127 else "dark"


def await_brightness(page: Page, scheme: str) -> None:
    """Fails unless the page is drawn so within 5 seconds: what is in a page is painted some frames later."""
    for _ in range(50):
        if brightness(page) == scheme:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"The page is not drawn {scheme}.")


def test_finds_an_entry_and_gives_a_bonus_on_a_phone(visitor, staff: User, busy: User) -> None:
    page = visitor(staff, **LOOKS["light phone"]).page
    page.goto("/admin/credits/entry/")
    page.locator("#searchbar").fill("alice")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#searchbar")).to_have_value("alice")
    assert box(page.locator("#searchbar"))["width"] >= 140
    charge = Entry.objects.get(transaction_type="used")
    card = page.locator("#result_list tbody tr", has_text=charge.pk)
    label = card.locator(".field-balance_after").evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"Balance after"'
    expect(card.locator(".field-balance_after")).to_have_text("153")

    page.goto("/admin/accounts/user/")
    tick = page.locator("#result_list tbody tr", has_text="alice@example.com").locator(".action-checkbox")
    assert min(box(tick)["width"], box(tick)["height"]) >= 24
    tick.locator("input").check()
    page.get_by_role("link", name="Filter", exact=True).click()
    expect(page.locator("#changelist-filter-header")).to_be_in_viewport()
    page.locator("select[name=action]").select_option(label="Grant bonus credits")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Amount").fill("5")
    page.get_by_label("Reason").fill("A gift")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name=re.compile("^Grant")).click()
    expect(page.locator(".messagelist")).to_contain_text("1 user was granted 5 credits.")
    assert credits.wallet_of(user=busy).balance == 158


def box(part: Locator) -> FloatRect:
    drawn = part.bounding_box()
    assert drawn is not None
    return drawn
