"""A person buys credits in a real Chromium: to the payment page and back, with the credits coming while they watch."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import User
from credits import services as credits
from credits.models import Purchase
from credits.tests.shop import FakeStripe, paid, tell_site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1440, "height": 900}}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("size", SIZES)
def test_buys_a_package_and_sees_the_credits_arrive(visitor, alice: User, shop: FakeStripe, size, script) -> None:
    credits.wallet_of(user=alice)
    visit = visitor(alice, viewport=SIZES[size], java_script_enabled=script)
    page = visit.page
    page.goto("/credits/")
    page.get_by_role("link", name="Get more").click()
    page.get_by_role("button", name="Buy for $20.00").click()
    page.wait_for_url(f"{shop.base}/pay/*")
    expect(page.locator("h1")).to_have_text("Pay here")
    purchase = Purchase.objects.get()
    assert (purchase.name, purchase.credits, purchase.app) == ("Plus", 500, None)

    # Where the payment page leads back to, before and after the provider has told us.
    page.goto(f"/credits/?purchase={purchase.pk}")
    expect(page.locator(".notice")).to_contain_text("being confirmed")
    if script:
        page.locator(":root[data-live=on]").wait_for()
    assert tell_site(visit.base, paid(purchase)) == 200
    if not script:
        page.reload()
    expect(page.locator(".notice")).to_contain_text("500 credits have arrived.")
    expect(page.locator(".wallet .big")).to_contain_text("560")

    page.get_by_role("link", name=re.compile("^Receipt")).first.click()
    expect(page.locator("h1")).to_have_text("Receipt")
    expect(page.locator("main")).to_contain_text("$20.00")
    page.get_by_role("link", name="In the statement").click()
    expect(page.locator("tr:target")).to_contain_text("Plus")
    assert visit.dialogs + visit.errors == []
    assert {address for address in visit.foreign if shop.base not in address} == set()
