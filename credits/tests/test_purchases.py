"""Buying credits: the payment page, credits that come exactly once, and what happens when the money goes back."""

import json
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Event
from credits import payments, services
from credits.auditing import Tally, audit
from credits.models import Entry, Package, PaymentEvent, Purchase
from credits.tests.shop import WEBHOOK, disputed, ordered, paid, refunded, signed, tell

pytestmark = pytest.mark.django_db

CHECKOUT = "/api/unified/checkout"


def balance(user: Any) -> int:
    assert [str(fault) for fault in audit(Tally())] == []
    return services.wallet_of(user=user).balance


def moves(user: Any) -> list[tuple[str, int]]:
    """Every entry behind the sign-up credits."""
    return list(Entry.objects.owned_by(user).order_by("version").values_list("transaction_type", "amount"))[2:]


def post(api: Any, path: str, body: Any, **headers: str) -> Any:
    return api.post(path, json.dumps(body), content_type="application/json", headers=headers)


def test_lists_the_packages_of_a_new_installation(penora_api):
    body = penora_api.get("/api/unified/packages").json()
    assert [(row["package_id"], row["credits"], row["price_amount"], row["currency"]) for row in body["results"]] == [
        ("starter", 100, 500, "usd"),
        ("plus", 500, 2000, "usd"),
        ("studio", 2000, 6000, "usd"),
    ]
    assert body["on_sale"] is False


def test_offers_only_what_is_on_offer(penora_api, shop):
    Package.objects.filter(package_id="plus").update(is_active=False)
    body = penora_api.get("/api/unified/packages").json()
    assert [row["package_id"] for row in body["results"]] == ["starter", "studio"]
    assert body["on_sale"] is True


def test_opens_a_payment_page_and_brings_nothing_yet(alice, penora_api, shop):
    answer = post(penora_api, CHECKOUT, {"user_id": "alice", "package_id": "starter"})
    body = answer.json()
    assert answer.status_code == 201, body
    assert body["checkout_url"].startswith(shop.base)
    assert (body["credits"], body["price_amount"], body["status"], body["app_name"]) == (100, 500, "pending", "penora")
    assert (body["transaction_id"], balance(alice)) == (None, 60)
    [asked] = shop.calls
    assert asked["client_reference_id"] == asked["metadata[purchase_id]"] == body["purchase_id"]
    assert asked["payment_intent_data[metadata][purchase_id]"] == body["purchase_id"]
    assert asked["line_items[0][price_data][unit_amount]"] == "500"
    assert asked["customer_email"] == "alice@example.com"


def test_a_person_opens_a_page_of_their_own_only(alice, bob, shop, browser_of):
    browser = browser_of(alice)
    assert post(browser, CHECKOUT, {"package_id": "starter"}).json()["user_id"] == "alice"
    refused = post(browser, CHECKOUT, {"user_id": "bob", "package_id": "starter"})
    assert (refused.status_code, refused.json()["code"]) == (404, "user_not_found")
    assert not Purchase.objects.owned_by(bob).exists()


@pytest.fixture
def browser_of(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def test_the_page_that_is_still_open_is_handed_out_again(alice, bob, penora, shop, clock):
    first = ordered(alice)
    assert ordered(alice).pk == first.pk
    assert ordered(bob).pk != first.pk
    assert services.checkout(user=alice, package_id="starter", app=penora).pk != first.pk
    clock.forward(hours=23)
    assert ordered(alice).pk != first.pk
    assert len(shop.calls) == 4


def test_a_page_on_other_terms_is_another(alice, shop):
    first = ordered(alice)
    Package.objects.filter(package_id="starter").update(price_amount=600)
    assert (ordered(alice).price_amount, first.price_amount) == (600, 500)
    tell(paid(first))
    assert balance(alice) == 160


@pytest.mark.parametrize("package_id", ["plus", "", "nothing", "x" * 41])
def test_refuses_a_package_that_is_not_on_offer(alice, penora_api, shop, stored, package_id):
    Package.objects.filter(package_id="plus").update(is_active=False)
    before = stored()
    answer = post(penora_api, CHECKOUT, {"user_id": "alice", "package_id": package_id})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "package_id")
    assert (stored(), shop.calls) == (before, [])


def test_says_that_nothing_is_on_sale_without_a_provider(alice, penora_api, stored):
    before = stored()
    answer = post(penora_api, CHECKOUT, {"user_id": "alice", "package_id": "starter"})
    assert (answer.status_code, answer.json()["code"]) == (503, "payments_off")
    assert stored() == before


@pytest.mark.parametrize("status", [400, 402, 429, 500])
def test_a_provider_that_fails_costs_nothing_and_can_be_asked_again(alice, penora_api, shop, status):
    shop.fail_with = status
    body, key = {"user_id": "alice", "package_id": "starter"}, {"Idempotency-Key": "buy-1"}
    answer = post(penora_api, CHECKOUT, body, **key)
    assert (answer.status_code, answer.json()["code"]) == (503, "payment_provider_unavailable")
    assert answer["Retry-After"] == "30"
    assert "sk_test" not in answer.content.decode()
    shop.fail_with = 0
    assert post(penora_api, CHECKOUT, body, **key).status_code == 201


def test_a_provider_that_does_not_answer_is_unavailable(alice, penora_api, shop, settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    answer = post(penora_api, CHECKOUT, {"user_id": "alice", "package_id": "starter"})
    assert (answer.status_code, answer.json()["code"]) == (503, "payment_provider_unavailable")


@pytest.mark.parametrize("url", [None, "javascript:alert(1)", "http://elsewhere.example/pay"])
def test_sends_nobody_to_what_is_no_payment_page(alice, shop, url):
    shop.keys = _Always({"id": "cs_1", "object": "checkout.session", "url": url})
    with pytest.raises(payments.PaymentProviderUnavailable):
        ordered(alice)


class _Always(dict[str, Any]):
    """Every key has the same answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self.answer


def test_the_same_idempotency_key_opens_one_page(alice, penora_api, shop):
    body, key = {"user_id": "alice", "package_id": "starter"}, {"Idempotency-Key": "buy-1"}
    first, again = (post(penora_api, CHECKOUT, body, **key) for _ in range(2))
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert len(shop.calls) == 1


def test_credits_come_once_however_often_the_provider_says_so(alice, shop):
    purchase = ordered(alice)
    told = paid(purchase)
    answers = [tell(told).json() for _ in range(3)]
    assert answers == [{"received": True, "outcome": "done"}] * 3
    # Another event of the same payment.
    assert tell(paid(purchase) | {"type": "checkout.session.async_payment_succeeded"}).status_code == 200
    assert (moves(alice), balance(alice)) == ([("purchased", 100)], 160)
    purchase.refresh_from_db()
    assert (purchase.status, purchase.checkout_url, purchase.entry.amount) == ("completed", "", 100)
    [event] = Event.objects.filter(user=alice, type="purchase.completed")
    assert event.data == {
        "purchase_id": purchase.pk,
        "package_id": "starter",
        "transaction_id": purchase.entry_id,
        "credits": 100,
        "price_amount": 500,
        "currency": "usd",
    }


def test_bought_credits_are_spent_last_and_never_expire(alice, penora, shop):
    tell(paid(ordered(alice)))
    services.charge(user=alice, app=penora, amount=70)
    wallet = services.wallet_of(user=alice)
    left = [(grant.source, grant.remaining, grant.expires_at) for grant in wallet.grants.filter(remaining__gt=0)]
    assert left == [("purchased", 90, None)]


def test_a_slow_payment_brings_credits_when_it_has_come(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase, payment_status="unpaid"))
    purchase.refresh_from_db()
    assert (purchase.status, balance(alice)) == ("processing", 60)
    tell(paid(purchase) | {"type": "checkout.session.async_payment_succeeded"})
    # Told late, and out of order.
    tell(paid(purchase, payment_status="unpaid"))
    purchase.refresh_from_db()
    assert (purchase.status, balance(alice)) == ("completed", 160)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("checkout.session.async_payment_failed", "failed"), ("checkout.session.expired", "expired")],
)
def test_a_payment_that_did_not_come_brings_nothing(alice, shop, kind, status):
    purchase = ordered(alice)
    tell(paid(purchase, payment_status="unpaid") | {"type": kind})
    purchase.refresh_from_db()
    assert (purchase.status, balance(alice)) == (status, 60)


def test_a_payment_is_honoured_after_its_page_closed(alice, shop, clock):
    purchase = ordered(alice)
    clock.forward(days=2)
    assert (services.expire_purchases(), services.expire_purchases()) == (1, 0)
    told = paid(purchase)
    assert tell(told, at=int(timezone.now().timestamp())).status_code == 200
    assert balance(alice) == 160


WRONG = {
    "less money": {"amount_total": 499},
    "more money": {"amount_total": 501},
    "no money": {"amount_total": None},
    "another currency": {"currency": "jpy"},
    "nothing paid": {"payment_status": "no_payment_required"},
    "no payment": {"payment_intent": None},
    "another page": {"id": "cs_test_other"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_payment_that_does_not_match_brings_nothing_and_is_shown_to_staff(alice, shop, changes):
    purchase = ordered(alice)
    told = paid(purchase, **changes)
    answer = tell(told)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_mismatch")
    purchase.refresh_from_db()
    assert (purchase.status, purchase.entry, balance(alice)) == ("pending", None, 60)
    seen = PaymentEvent.objects.get(pk=told["id"])
    assert seen.outcome == "refused"
    assert purchase.pk in seen.detail


def test_real_and_test_money_are_never_mixed(alice, shop):
    answer = tell(paid(ordered(alice)) | {"livemode": True})
    assert (answer.status_code, balance(alice)) == (409, 60)


def test_one_payment_pays_for_one_purchase(alice, bob, shop):
    first, second = ordered(alice), ordered(bob)
    tell(paid(first))
    answer = tell(paid(second, payment_intent=f"pi_{first.pk}"))
    assert (answer.status_code, balance(bob)) == (409, 60)


def test_one_purchase_is_paid_by_one_payment(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    answer = tell(paid(purchase, payment_intent="pi_another"))
    assert (answer.status_code, balance(alice)) == (409, 160)


def test_what_was_refused_is_heard_when_it_is_told_again(alice, shop):
    purchase = ordered(alice)
    Purchase.objects.filter(pk=purchase.pk).update(currency="eur")
    told = paid(purchase)
    assert tell(told).status_code == 409
    Purchase.objects.filter(pk=purchase.pk).update(currency="usd")
    assert tell(told).json() == {"received": True, "outcome": "done"}
    assert balance(alice) == 160
    assert PaymentEvent.objects.get(pk=told["id"]).outcome == "done"


FORGERIES: dict[str, dict[str, Any]] = {
    "another secret": {"secret": "whsec_guessed"},
    "signed too long ago": {"at": 1_700_000_000},
    "another body": {"body": '{"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {}}}'},
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_event_does_nothing(alice, shop, stored, forged):
    told = paid(ordered(alice))
    before = stored()
    answer = tell(told, **forged)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert stored() == before


@pytest.mark.parametrize("signature", ["", "t=1", "v1=ab", "t=x,v1=ab", "t=1,v1=\xe9", "t=9" + "9" * 5000 + ",v1=a"])
def test_a_malformed_signature_does_nothing(alice, shop, client, stored, signature):
    told, before = json.dumps(paid(ordered(alice))), stored()
    answer = client.post(WEBHOOK, told, content_type="application/json", HTTP_STRIPE_SIGNATURE=signature)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert stored() == before


@pytest.mark.parametrize("told", [{}, {"id": 1, "type": "x"}, {"id": "evt_1", "type": "charge.refunded"}, {"id": ""}])
def test_a_signed_event_that_says_nothing_is_refused(shop, told):
    assert tell(told).status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "null", "nonsense", "[" * 100_000, "1" * 2_000_000])
def test_a_signed_body_that_is_no_event_is_refused(shop, client, body):
    answer = client.post(WEBHOOK, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=signed(body))
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_the_webhook_is_shut_without_its_secret(alice, shop, settings):
    told = paid(ordered(alice))
    settings.STRIPE_WEBHOOK_SECRET = ""
    answer = tell(told, secret="x")
    assert (answer.status_code, answer.json()["code"]) == (503, "payments_off")


@pytest.mark.parametrize("kind", ["customer.created", "checkout.session.completed", "charge.refunded"])
def test_what_is_another_shops_is_ignored(alice, shop, kind):
    told = paid(ordered(alice), metadata={}, client_reference_id="order 12", id="cs_other") | {"type": kind}
    told["data"]["object"]["payment_intent"] = "pi_other"
    assert tell(told).json() == {"received": True, "outcome": "ignored"}
    assert (balance(alice), PaymentEvent.objects.count()) == (60, 0)


def test_a_purchase_that_is_not_here_is_said_to_be_missing(alice, shop):
    purchase = ordered(alice)
    told = paid(purchase)
    Purchase.objects.all().delete()
    assert tell(told).status_code == 404
    assert PaymentEvent.objects.get(pk=told["id"]).outcome == "refused"


def test_money_that_went_back_takes_its_credits_along(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    told = refunded(purchase, 500)
    for _ in range(2):
        assert tell(told).json()["outcome"] == "done"
    assert (moves(alice), balance(alice)) == ([("purchased", 100), ("adjustment", -100)], 60)
    purchase.refresh_from_db()
    assert (purchase.status, purchase.reversed_credits, purchase.unrecovered) == ("refunded", 100, 0)


def test_a_part_of_the_money_takes_a_part_of_the_credits(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    # Sums so far, the last of them told late.
    for sum_so_far in (124, 250, 124):
        tell(refunded(purchase, sum_so_far))
    assert (moves(alice), balance(alice)) == ([("purchased", 100), ("adjustment", -24), ("adjustment", -26)], 110)
    purchase.refresh_from_db()
    assert (purchase.status, purchase.refunded_amount, purchase.reversed_credits) == ("completed", 250, 50)


def test_takes_the_credits_that_were_bought_before_others(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    tell(refunded(purchase, 250))
    left = dict(services.wallet_of(user=alice).grants.values_list("source", "remaining"))
    assert left == {"base": 50, "bonus": 10, "purchased": 50}


def test_never_takes_more_than_is_there_and_says_what_is_missing(alice, penora, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    services.charge(user=alice, app=penora, amount=120)
    services.hold(user=alice, app=penora, amount=15)
    tell(refunded(purchase, 500))
    purchase.refresh_from_db()
    assert (balance(alice), services.wallet_of(user=alice).available) == (15, 0)
    assert (purchase.reversed_credits, purchase.unrecovered) == (25, 75)


def test_a_refund_that_is_told_first_leaves_nothing_behind(alice, shop):
    purchase = ordered(alice)
    tell(refunded(purchase, 500))
    assert balance(alice) == 60
    tell(paid(purchase))
    assert (moves(alice), balance(alice)) == ([("purchased", 100), ("adjustment", -100)], 60)
    purchase.refresh_from_db()
    assert purchase.status == "refunded"


def test_a_dispute_takes_the_credits_and_gives_them_back_when_it_is_won(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    tell(disputed(purchase, "warning_needs_response"))
    assert balance(alice) == 160
    tell(disputed(purchase, "needs_response"))
    purchase.refresh_from_db()
    assert (purchase.status, balance(alice)) == ("disputed", 60)
    tell(disputed(purchase, "under_review"))
    assert balance(alice) == 60
    tell(disputed(purchase, "won"))
    purchase.refresh_from_db()
    assert (purchase.status, purchase.reversed_credits, balance(alice)) == ("completed", 0, 160)


def test_an_old_word_about_a_dispute_does_not_open_it_again(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    now = int(timezone.now().timestamp())
    tell(disputed(purchase, "won", created=now))
    tell(disputed(purchase, "needs_response", created=now - 60))
    assert balance(alice) == 160


def test_a_lost_dispute_about_refunded_money_takes_credits_once(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    tell(refunded(purchase, 250))
    tell(disputed(purchase, "needs_response"))
    tell(disputed(purchase, "lost"))
    assert balance(alice) == 60
    purchase.refresh_from_db()
    assert purchase.reversed_credits == 100


def test_who_is_gone_gets_no_credits_and_staff_hears_of_it(alice, shop):
    purchase = ordered(alice)
    told = paid(purchase)
    services.close_wallet(user=alice)
    assert tell(told).status_code == 404
    assert PaymentEvent.objects.get(pk=told["id"]).outcome == "refused"


def test_a_refund_after_the_account_was_closed_is_noted_only(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    tell(charge_made(purchase))
    services.close_wallet(user=alice)
    tell(refunded(purchase, 500))
    tell(charge_made(purchase))
    purchase.refresh_from_db()
    assert (purchase.status, purchase.reversed_credits, purchase.receipt_url) == ("refunded", 0, "")


def charge_made(purchase: Purchase) -> dict[str, Any]:
    url = "https://pay.stripe.example/receipts/1"
    return refunded(purchase, 0, receipt_url=url) | {"type": "charge.succeeded"}


def test_keeps_where_the_providers_receipt_is(alice, shop):
    purchase = ordered(alice)
    tell(charge_made(purchase))
    tell(paid(purchase))
    purchase.refresh_from_db()
    assert purchase.receipt_url == "https://pay.stripe.example/receipts/1"
    told = charge_made(purchase)
    told["data"]["object"]["receipt_url"] = "javascript:alert(1)"
    tell(told)
    purchase.refresh_from_db()
    assert purchase.receipt_url == "https://pay.stripe.example/receipts/1"


def test_lists_a_persons_purchases_newest_first_and_nobody_elses(alice, bob, penora_api, shop, clock):
    first = ordered(alice)
    tell(paid(first))
    clock.forward(minutes=1)
    second = ordered(alice)
    ordered(bob)
    page = penora_api.get("/api/unified/purchases?user_id=alice&limit=1").json()
    assert [row["purchase_id"] for row in page["results"]] == [second.pk]
    page = penora_api.get(page["next"]).json()
    [row] = page["results"]
    assert (row["purchase_id"], row["status"], row["transaction_id"]) == (first.pk, "completed", moved(first))
    assert (row["user_id"], row["app_name"], page["next"]) == ("alice", None, None)


def moved(purchase: Purchase) -> str | None:
    return Purchase.objects.get(pk=purchase.pk).entry_id


def test_check_ledger_names_a_purchase_that_does_not_add_up(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    for wrong in ({"credits": 90}, {"reversed_credits": 5}):
        Purchase.objects.filter(pk=purchase.pk).update(**wrong)
        assert purchase.pk in " ".join(str(fault) for fault in audit(Tally()))
        Purchase.objects.filter(pk=purchase.pk).update(credits=100, reversed_credits=0)
    assert balance(alice) == 160


def test_staff_may_correct_what_a_purchase_brought(alice, shop):
    purchase = ordered(alice)
    tell(paid(purchase))
    services.adjust(user=alice, amount=-5, reason="Agreed by phone", entry_id=moved(purchase) or "")
    assert balance(alice) == 155


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_words_about_one_payment_bring_credits_once(alice, shop, race):
    purchase = ordered(alice)
    told, other = paid(purchase), paid(purchase)
    results = race(lambda number: tell((told, other)[number % 2]).status_code, times=24)
    assert Counter(results) == {200: 24}
    assert (moves(alice), balance(alice)) == ([("purchased", 100)], 160)


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_refunds_and_charges_never_overdraw(alice, penora, shop, race):
    purchase = ordered(alice)
    tell(paid(purchase))

    def act(number: int) -> object:
        if number % 4 == 0:
            return tell(refunded(purchase, 125 * (number // 4 + 1))).status_code
        return services.charge(user=alice, app=penora, amount=20)

    results = Counter(type(result) for result in race(act, times=16))
    assert set(results) <= {int, Entry, services.InsufficientCredits}
    purchase.refresh_from_db()
    spent = 20 * results[Entry]
    assert balance(alice) == 160 - spent - purchase.reversed_credits
    assert purchase.reversed_credits + purchase.unrecovered == 100


def test_the_person_who_closes_their_account_leaves_no_link_to_pay(alice, shop):
    purchase = ordered(alice)
    services.close_wallet(user=alice)
    purchase.refresh_from_db()
    assert purchase.checkout_url == ""
