"""Staff at work on a phone: lists are read without scrolling sideways, and axe has nothing to object to."""

import re

import pytest
from playwright.sync_api import expect

from accounts import services as accounts
from accounts.models import ClientApp, Event, User, WebhookDelivery, WebhookEndpoint
from credits import services as credits
from credits.models import Entry
from credits.tests.shop import FakeStripe, ordered, paid
from unified.tests.test_browser_axe import LOOKS, violations
from workspace.tests.page_cast import write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
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


@pytest.mark.parametrize("look", LOOKS)
def test_no_list_is_wider_than_the_screen_and_axe_finds_nothing(visitor, staff: User, busy: User, look: str) -> None:
    visit = visitor(staff, bypass_csp=True, **LOOKS[look])
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


def test_finds_an_entry_and_gives_a_bonus_on_a_phone(visitor, staff: User, busy: User) -> None:
    page = visitor(staff, **LOOKS["light phone"]).page
    page.goto("/admin/credits/entry/")
    page.locator("#searchbar").fill("alice")
    page.get_by_role("button", name="Search").click()
    charge = Entry.objects.get(transaction_type="used")
    card = page.locator("#result_list tbody tr", has_text=charge.pk)
    label = card.locator(".field-balance_after").evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"Balance after"'
    expect(card.locator(".field-balance_after")).to_have_text("153")

    page.goto("/admin/accounts/user/")
    page.locator("#result_list tbody tr", has_text="alice@example.com").locator("input.action-select").check()
    page.locator("select[name=action]").select_option(label="Grant bonus credits")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Amount").fill("5")
    page.get_by_label("Reason").fill("A gift")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name=re.compile("^Grant")).click()
    expect(page.locator(".messagelist")).to_contain_text("1 user was granted 5 credits.")
    assert credits.wallet_of(user=busy).balance == 158
