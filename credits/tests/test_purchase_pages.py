"""Buying in the browser: the offers, the way to the payment page, what came of it, receipts; and staff's view of it."""

import re
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import AuditEntry, User
from credits import money, services
from credits.models import Package, PaymentEvent, Purchase
from credits.tests.shop import ordered, paid, refunded, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def words(page: Any) -> str:
    """What a reader reads of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.content.decode()))


def bought(user: User) -> Purchase:
    purchase = ordered(user)
    tell(paid(purchase))
    purchase.refresh_from_db()
    return purchase


def test_says_that_nothing_is_on_sale_where_no_provider_is_set_up(browser):
    page = words(browser.get("/credits/"))
    assert "Credits cannot be bought here yet" in page
    assert "Buy for" not in page


def test_offers_each_package_with_its_price_what_it_buys_and_what_it_saves(browser, shop):
    page = words(browser.get("/credits/"))
    assert "Starter 100 credits 100 pages or 50 images Buy for $5.00" in page
    assert "Plus 20 % less per credit 500 credits 500 pages or 250 images Buy for $20.00" in page
    assert "2,000 pages or 1,000 images" in page


def test_compares_within_one_currency_only(browser, shop):
    Package.objects.filter(package_id="plus").update(currency="jpy")
    page = words(browser.get("/credits/"))
    assert "Buy for ¥2,000" in page
    assert "Plus 500 credits" in page


def test_leads_to_the_payment_page_without_a_form_to_elsewhere(browser, alice, shop):
    answer = browser.post("/credits/buy/", {"package_id": "starter"}, follow=True)
    purchase = Purchase.objects.get()
    assert answer.redirect_chain == [(f"/credits/purchases/{purchase.pk}/pay/", 302)]
    page = answer.content.decode()
    assert f'content="0;url={purchase.checkout_url}"' in page
    assert f'href="{purchase.checkout_url}"' in page
    assert "form-action 'self';" in answer["Content-Security-Policy"]
    assert purchase.app is None


@pytest.mark.parametrize("package_id", ["", "nothing", "plus"])
def test_a_package_that_is_not_on_offer_is_refused_in_words(browser, shop, package_id):
    Package.objects.filter(package_id="plus").update(is_active=False)
    answer = browser.post("/credits/buy/", {"package_id": package_id})
    assert answer.status_code == 400
    assert "no such package" in words(answer)
    assert not Purchase.objects.exists()


def test_a_provider_that_is_away_is_said_in_words(browser, shop):
    shop.fail_with = 500
    answer = browser.post("/credits/buy/", {"package_id": "starter"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "Nothing was paid." in words(answer)


def test_a_purchase_that_is_over_leads_back_to_the_credits(browser, alice, shop):
    purchase = bought(alice)
    assert browser.get(f"/credits/purchases/{purchase.pk}/pay/").headers["Location"] == "/credits/"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("pending", "Your payment is being confirmed."),
        ("processing", "Your payment is being confirmed."),
        ("failed", "The payment did not go through."),
        ("expired", "The payment did not go through."),
    ],
)
def test_says_what_became_of_the_payment(browser, alice, shop, status, said):
    purchase = ordered(alice)
    Purchase.objects.filter(pk=purchase.pk).update(status=status)
    assert said in words(browser.get(f"/credits/?purchase={purchase.pk}"))


def test_says_that_the_credits_have_arrived(browser, alice, bob, shop):
    page = browser.get(f"/credits/?purchase={bought(alice).pk}")
    assert "100 credits have arrived. Thank you!" in words(page)
    for other in (ordered(bob).pk, "nothing", "\x00"):
        assert "have arrived" not in words(browser.get("/credits/", {"purchase": other}))


def test_lists_what_was_paid_with_receipts_and_not_what_was_only_looked_at(browser, alice, shop):
    heading = 'id="purchases"'
    ordered(alice)
    assert heading not in browser.get("/credits/").content.decode()
    purchase = bought(alice)
    page = browser.get("/credits/")
    assert heading in page.content.decode()
    assert "Starter: 100 credits" in words(page)
    assert reverse("receipt", args=[purchase.pk]) in page.content.decode()


def test_a_receipt_says_what_was_paid_for_what_and_what_went_back(browser, alice, shop):
    purchase = bought(alice)
    tell(refunded(purchase, 250))
    page = browser.get(f"/credits/purchases/{purchase.pk}/")
    for said in ("$5.00", "Starter: 100 credits", "alice@example.com", purchase.pk, f"pi_{purchase.pk}"):
        assert said in words(page)
    assert "Refunded $2.50 Credits taken back 50" in words(page)
    assert "A test: no money was moved" in words(page)
    assert f"#{purchase.entry_id}" in page.content.decode()


def test_a_receipt_is_its_owners_and_of_what_was_paid(browser, alice, bob, shop):
    assert browser.get(f"/credits/purchases/{bought(bob).pk}/").status_code == 404
    assert browser.get(f"/credits/purchases/{ordered(alice).pk}/").status_code == 404
    assert browser.get("/credits/purchases/nothing/").status_code == 404


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        (500, "usd", "$5.00", "5,00\xa0$"),
        (123456, "eur", "€1,234.56", "1.234,56\xa0€"),
        (500, "jpy", "¥500", "500\xa0¥"),
        (1500, "kwd", "1.500\xa0KWD", "1,500\xa0KWD"),
        (5, "chf", "0.05\xa0CHF", "0,05\xa0CHF"),
    ],
)
def test_money_is_written_as_the_reader_writes_it(amount, currency, english, german):
    with translation.override("en"):
        assert money.spelled(amount, currency) == english
    with translation.override("de"):
        assert money.spelled(amount, currency) == german


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def test_staff_set_a_package_and_it_is_in_the_audit_log(desk, alice, shop):
    before, package = ordered(alice), Package.objects.get(package_id="starter")
    url = reverse("admin:credits_package_change", args=[package.pk])
    said = {"name": "Starter", "credits": "120", "price_amount": "700", "currency": "eur", "is_active": "on"}
    assert desk.post(url, said).status_code == 302
    package.refresh_from_db()
    assert (package.credits, package.price_amount, package.currency) == (120, 700, "eur")
    assert AuditEntry.objects.filter(kind="credits.package", action="changed").exists()
    # What is being paid keeps its terms.
    before.refresh_from_db()
    assert (before.credits, before.price_amount, before.currency) == (100, 500, "usd")


@pytest.mark.parametrize(
    "wrong", [{"credits": "0"}, {"credits": "1000001"}, {"price_amount": "0"}, {"currency": "US"}, {"currency": "USD"}]
)
def test_a_package_that_makes_no_sense_is_refused(desk, wrong):
    said = {"name": "Odd", "package_id": "odd", "credits": "5", "price_amount": "5", "currency": "usd", **wrong}
    assert desk.post(reverse("admin:credits_package_add"), said).status_code == 200
    assert not Package.objects.filter(package_id="odd").exists()


@pytest.mark.parametrize("model", [Purchase, PaymentEvent])
def test_nobody_adds_changes_or_deletes_what_was_bought(desk, alice, shop, stored, model):
    bought(alice)
    row, name = model.objects.first(), f"admin:credits_{model._meta.model_name}"
    assert row is not None
    before = stored()
    assert desk.get(reverse(f"{name}_changelist")).status_code == 200
    assert desk.get(reverse(f"{name}_change", args=[quote(row.pk)])).status_code == 200
    assert desk.get(reverse(f"{name}_add")).status_code == 403
    assert desk.post(reverse(f"{name}_change", args=[quote(row.pk)]), {"status": "failed"}).status_code == 403
    assert desk.post(reverse(f"{name}_delete", args=[quote(row.pk)]), {"post": "yes"}).status_code == 403
    assert stored() == before


def test_nobody_deletes_a_package(desk):
    package = Package.objects.get(package_id="starter")
    assert desk.post(reverse("admin:credits_package_delete", args=[package.pk]), {"post": "yes"}).status_code == 403


def test_the_start_page_says_what_was_sold_and_what_could_not_be_booked(desk, alice, bob, shop):
    bought(alice)
    wrong = ordered(bob)
    tell(paid(wrong, amount_total=1))
    page = words(desk.get("/admin/"))
    assert "$5.00 for 100 credits" in page
    assert "1 payment could not be booked" in page


def test_the_start_page_keeps_sales_from_who_may_not_see_them(client, db):
    clerk = User.objects.create_user("clerk@example.com", "Clerk", user_id="clerk", is_staff=True)
    client.force_login(clerk)
    assert "Sold in" not in words(client.get("/admin/"))
    clerk.user_permissions.add(Permission.objects.get(codename="view_purchase"))
    assert "Sold in 30 days – not on sale" in words(client.get("/admin/"))


def test_the_support_desk_shows_purchases_and_what_is_missing(desk, alice, penora, shop):
    purchase = bought(alice)
    services.charge(user=alice, app=penora, amount=150)
    tell(refunded(purchase, 500))
    page = words(desk.get(reverse("admin:accounts_user_change", args=[alice.pk])))
    assert "Latest purchases" in page
    assert "Refunded 90 credits missing $5.00" in page
