"""The ledger's endpoints as the contract describes them."""

import csv
import io
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services as accounts
from credits import services
from credits.models import Entry, Price

API = "/api/unified"


@pytest.fixture(autouse=True)
def _wallets(alice, bob):
    services.wallet_of(user=alice)
    services.wallet_of(user=bob)


def post(api, path, **body):
    return api.post(f"{API}/{path}", {"user_id": "alice", **body}, format="json")


def charge(api, amount=5, app_name="penora", **body):
    return post(api, "deduct-credits", amount=amount, app_name=app_name, **body)


def hold(api, **body):
    return post(api, "holds", **{"amount": 20, "app_name": "penora", **body})


def history(api, user_id="alice", **query):
    return api.get(f"{API}/transactions", {"user_id": user_id, **query}).json()


def refused(answer, status, code):
    """Whether the answer is this problem, in the right media type."""
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, code)
    return True


def test_a_charge_answers_with_a_receipt(penora_api):
    answer = charge(penora_api, description="Pages", project_code="ABC234")
    entry = history(penora_api)["results"][0]
    assert answer.status_code == 200
    assert answer.json() == {
        "transaction_id": entry["transaction_id"],
        "amount": 5,
        "credits": 55,
        "credits_balance": 55,
        "credits_held": 0,
    }
    moment = entry.pop("created_at")
    assert moment.endswith("Z")
    [paid] = entry.pop("grants")
    assert (paid["amount"], paid["source"], paid["expires_at"]) == (-5, "bonus", None)
    assert entry == {
        "transaction_id": answer.json()["transaction_id"],
        "user_id": "alice",
        "app_name": "penora",
        "transaction_type": "used",
        "amount": -5,
        "balance_after": 55,
        "description": "Pages",
        "project_code": "ABC234",
        "related_transaction_id": None,
        "hold_id": None,
    }


def test_a_charge_past_the_wallet_says_what_is_missing_and_writes_nothing(penora_api, stored):
    before = stored()
    answer = charge(penora_api, amount=61)
    assert refused(answer, 402, "insufficient_credits")
    body = answer.json()
    assert (body["required"], body["credits"], body["shortfall"]) == (61, 60, 1)
    assert body["top_up_url"] == "http://127.0.0.1:8000/credits/"
    assert stored() == before


def test_a_charge_by_the_price_book_takes_its_price(imagegene_api):
    answer = post(
        imagegene_api, "deduct-credits", app_name="imagegene", operation="image_generation", quantity=3, description="x"
    )
    assert answer.json()["amount"] == 6


def test_a_charge_past_the_daily_cap_says_when_to_come_back(alice, penora, penora_api, stored):
    accounts.set_daily_cap(user=alice, app=penora, credits=4)
    before = stored()
    answer = charge(penora_api)
    assert refused(answer, 429, "spending_cap_reached")
    assert 0 < int(answer["Retry-After"]) <= 86_400
    assert stored() == before


@pytest.mark.parametrize("path", ["deduct-credits", "deduct-credits/"])
def test_a_trailing_slash_loses_no_post(penora_api, path):
    assert post(penora_api, path, amount=1, app_name="penora").status_code == 200


def test_a_hold_lives_through_capture_with_a_receipt(penora_api):
    made = hold(penora_api, storage_bytes=1000, ttl_seconds=60)
    body = made.json()
    assert made.status_code == 201
    assert (body["amount"], body["storage_bytes"], body["status"]) == (20, 1000, "active")
    assert (body["credits"], body["credits_balance"], body["credits_held"]) == (40, 60, 20)
    seen = penora_api.get(f"{API}/hold/{body['hold_id']}", {"user_id": "alice"}).json()
    assert (seen["hold_id"], seen["expires_at"]) == (body["hold_id"], body["expires_at"])
    first = post(penora_api, f"hold/{body['hold_id']}/capture", amount=12)
    again = post(penora_api, f"hold/{body['hold_id']}/capture", amount=12)
    assert (first.status_code, first.json()["charged"], first.json()["credits"]) == (200, 12, 48)
    assert again.content == first.content
    assert refused(post(penora_api, f"hold/{body['hold_id']}/capture", amount=11), 409, "hold_settled")
    assert refused(post(penora_api, f"hold/{body['hold_id']}/release"), 409, "hold_settled")
    entry = history(penora_api)["results"][0]
    assert (entry["hold_id"], entry["transaction_id"]) == (body["hold_id"], first.json()["transaction_id"])


def test_a_hold_is_released_by_post_or_delete(penora_api):
    one, two = (hold(penora_api).json()["hold_id"] for _ in range(2))
    assert post(penora_api, f"hold/{one}/release").json()["credits"] == 40
    gone = penora_api.delete(f"{API}/hold/{two}?user_id=alice")
    assert (gone.status_code, gone.json()["status"], gone.json()["credits"]) == (200, "released", 60)


def test_an_expired_hold_is_gone(penora_api, clock):
    made = hold(penora_api, ttl_seconds=60).json()["hold_id"]
    clock.forward(seconds=60)
    for action in ("capture", "release"):
        assert refused(post(penora_api, f"hold/{made}/{action}"), 410, "hold_expired")
    assert refused(post(penora_api, f"hold/{made}/extend", ttl_seconds=60), 410, "hold_expired")
    assert penora_api.get(f"{API}/hold/{made}", {"user_id": "alice"}).json()["status"] == "expired"


def test_an_extended_hold_says_its_new_end(penora_api, clock):
    made = hold(penora_api, ttl_seconds=60).json()
    longer = post(penora_api, f"hold/{made['hold_id']}/extend", ttl_seconds=3600).json()
    assert longer["expires_at"] > made["expires_at"]
    clock.forward(seconds=3000)
    assert post(penora_api, f"hold/{made['hold_id']}/capture").json()["charged"] == 20


def test_a_hold_past_the_wallet_is_refused(penora_api, stored):
    before = stored()
    assert refused(hold(penora_api, amount=61), 402, "insufficient_credits")
    assert stored() == before


def test_a_refund_points_at_its_charge(penora_api):
    paid = charge(penora_api, amount=15, project_code="ABC234").json()["transaction_id"]
    back = post(penora_api, f"transaction/{paid}/refund", amount=4, reason="Torn")
    body = back.json()
    assert back.status_code == 200
    assert (body["transaction_type"], body["amount"], body["related_transaction_id"]) == ("refund", 4, paid)
    assert (body["description"], body["project_code"], body["credits"]) == ("Torn", "ABC234", 49)
    assert refused(post(penora_api, f"transaction/{paid}/refund", amount=12, reason="x"), 409, "refund_too_large")
    assert post(penora_api, f"transaction/{paid}/refund", reason="Rest").json()["amount"] == 11


def test_prices_and_estimates_come_from_the_price_book(penora, penora_api):
    Price.objects.create(app=penora, operation="page_generation", unit="page", credits=2)
    prices = {row["operation"]: row for row in penora_api.get(f"{API}/prices").json()["results"]}
    assert prices["page_generation"] == {
        "app": "penora",
        "operation": "page_generation",
        "unit": "page",
        "credits": 2,
    }
    assert "image_generation" not in prices
    body = post(penora_api, "estimate", operation="page_generation", quantity=31).json()
    assert (body["credits_required"], body["affordable"], body["credits"]) == (62, False, 60)
    assert post(penora_api, "estimate", operation="page_generation", quantity=30).json()["affordable"] is True


def test_an_unknown_operation_is_named(penora_api, stored):
    before = stored()
    for path, body in (("estimate", {}), ("deduct-credits", {"app_name": "penora"}), ("holds", {"app_name": "penora"})):
        answer = post(penora_api, path, operation="nothing", **body)
        assert refused(answer, 400, "invalid_request")
        assert answer.json()["errors"][0]["field"] == "operation"
    assert stored() == before


def test_an_unknown_operation_of_a_saves_charge_is_named_with_its_path(penora_api, stored):
    before = stored()
    text = {"app_source": "penora", "project_type": "text", "title": "Night", "content": "Nobody sleeps."}
    for charge, field in (
        ({"operation": "nothing"}, "charge.operation"),
        ({"operation": "page_generation", "quantity": 1_000_000, "amount": 1}, "charge.operation"),
        ({"quantity": 3}, "charge.quantity"),
        ({"amount": 1, "currency": "EUR"}, "charge.currency"),
    ):
        answer = post(penora_api, "save-project", **text, charge=charge)
        assert refused(answer, 400, "invalid_request")
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert stored() == before


def test_what_a_save_asks_of_its_hold_in_vain_is_named_with_its_path(penora_api, stored):
    text = {"app_source": "penora", "project_type": "text", "title": "Night", "content": "Nobody sleeps."}
    held = hold(penora_api).json()["hold_id"]
    before = stored()
    for charge, field in (({"amount": 21}, "charge.amount"), ({"operation": "page_generation"}, "charge.operation")):
        answer = post(penora_api, "save-project", **text, hold_id=held, charge=charge)
        assert refused(answer, 400, "invalid_request")
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert stored() == before


def test_bonuses_reach_one_some_or_all(penora, penora_api, bob):
    one = penora_api.post(
        f"{API}/give-bonus-credits", {"user_id": "alice", "amount": 5, "reason": "Hi"}, format="json"
    ).json()
    assert (one["granted"], one["amount"]) == (1, 5)
    assert [(row["user_id"], row["credits"]) for row in one["results"]] == [("alice", 65)]
    some = {"user_ids": ["bob", "alice"], "amount": 1, "reason": "Hi"}
    both = penora_api.post(f"{API}/give-bonus-credits", some, format="json").json()
    assert [(row["user_id"], row["credits"]) for row in both["results"]] == [("bob", 61), ("alice", 66)]
    accounts.disconnect(user=bob, app=penora)
    everybody = {"all_users": True, "amount": 1, "reason": "Hi"}
    reached = penora_api.post(f"{API}/give-bonus-credits", everybody, format="json").json()
    assert [row["user_id"] for row in reached["results"]] == ["alice"]


def test_a_bonus_for_all_that_reaches_nobody_says_so(penora, penora_api, alice, bob, stored):
    for user in (alice, bob):
        accounts.connect(user=user, app=penora)
        accounts.disconnect(user=user, app=penora)
    before = stored()
    everybody = {"all_users": True, "amount": 1, "reason": "Hi"}
    answer = penora_api.post(f"{API}/give-bonus-credits", everybody, format="json")
    assert (answer.status_code, answer.json()) == (200, {"granted": 0, "amount": 1, "results": []})
    assert stored() == before


def test_a_bonus_reaches_all_or_nobody(penora_api, stored):
    before = stored()
    some = {"user_ids": ["alice", "nobody", "nobody2"], "amount": 1, "reason": "Hi"}
    answer = penora_api.post(f"{API}/give-bonus-credits", some, format="json")
    assert refused(answer, 404, "user_not_found")
    assert stored() == before


def test_a_bonus_ends_when_it_says(penora_api, clock):
    ends = (timezone.now() + timedelta(days=1)).isoformat()
    assert post(penora_api, "give-bonus-credits", amount=5, reason="Day", expires_at=ends).status_code == 200
    clock.forward(days=1)
    assert history(penora_api)["results"][0]["transaction_type"] == "expired"


def test_pages_of_history_meet_without_gap_or_repeat(penora_api, alice, penora):
    for number in range(1, 6):
        services.charge(user=alice, app=penora, amount=number)
    page = history(penora_api, limit=3)
    assert [row["amount"] for row in page["results"]] == [-5, -4, -3]
    assert page["previous"] is None
    services.charge(user=alice, app=penora, amount=9)
    second = penora_api.get(page["next"]).json()
    assert [row["amount"] for row in second["results"]] == [-2, -1, 10]
    third = penora_api.get(second["next"]).json()
    assert ([row["amount"] for row in third["results"]], third["next"]) == ([50], None)
    back = penora_api.get(third["previous"]).json()
    assert back["results"] == second["results"]


@pytest.mark.parametrize("change", [lambda cursor: cursor[:-1], lambda _: "x", lambda _: "é", lambda _: "W10:1:2"])
def test_a_forged_cursor_is_refused_by_name(penora_api, change):
    cursor = parse_qs(urlsplit(history(penora_api, limit=1)["next"]).query)["cursor"][0]
    answer = penora_api.get(f"{API}/transactions", {"user_id": "alice", "limit": 1, "cursor": change(cursor)})
    assert refused(answer, 400, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


def test_a_cursor_of_alice_opens_nothing_of_bob(penora_api):
    following = history(penora_api, limit=1)["next"]
    answer = penora_api.get(following.replace("user_id=alice", "user_id=bob"))
    assert refused(answer, 400, "invalid_request")


def test_filters_narrow_history_and_its_summary(penora_api, imagegene_api):
    charge(penora_api, amount=5, project_code="ABC234")
    charge(imagegene_api, amount=7, app_name="imagegene")
    paid = charge(penora_api, amount=3).json()["transaction_id"]
    post(penora_api, f"transaction/{paid}/refund", amount=2, reason="x")
    found = history(penora_api)
    assert found["summary"]["granted"] == 60
    assert (found["summary"]["used"], found["summary"]["refunded"]) == (13, 2)
    assert found["summary"]["by_app"]["imagegene"]["used"] == 7
    assert found["summary"]["by_app"]["unified"]["granted"] == 60
    assert [row["amount"] for row in history(penora_api, app_name="imagegene")["results"]] == [-7]
    assert [row["amount"] for row in history(penora_api, app_name="unified")["results"]] == [10, 50]
    assert [row["amount"] for row in history(penora_api, transaction_type="refund")["results"]] == [2]
    only = history(penora_api, project_code="ABC234")
    assert ([row["amount"] for row in only["results"]], only["summary"]["used"]) == ([-5], 5)
    moment = found["results"][0]["created_at"]
    assert len(history(penora_api, created_after=moment)["results"]) == 1
    assert len(history(penora_api, created_before=moment)["results"]) == 5


def test_history_comes_as_csv_that_no_spreadsheet_runs(penora_api):
    charge(penora_api, description='=HYPERLINK("http://x"),é')
    answer = penora_api.get(f"{API}/transactions", {"user_id": "alice"}, headers={"Accept": "text/csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["amount"] for row in rows] == ["-5", "10", "50"]
    assert [row["created_at"] for row in rows] == [entry["created_at"] for entry in history(penora_api)["results"]]
    assert rows[0]["description"] == '\'=HYPERLINK("http://x"),é'
    assert (rows[0]["app_name"], rows[2]["app_name"]) == ("penora", "unified")


def test_a_page_of_csv_says_whose_it_is_and_where_it_goes_on(penora_api):
    for amount in (1, 2, 3):
        charge(penora_api, amount=amount)
    query, csv_please = {"user_id": "alice", "limit": 2, "transaction_type": "used"}, {"Accept": "text/csv"}
    answer = penora_api.get(f"{API}/transactions", query, headers=csv_please)
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(row["user_id"], row["amount"]) for row in rows] == [("alice", "-3"), ("alice", "-2")]
    link = answer["Link"].removeprefix("<").removesuffix('>; rel="next"')
    last = penora_api.get(link, headers=csv_please)
    assert [row["amount"] for row in csv.DictReader(io.StringIO(last.getvalue().decode()))] == ["-1"]
    assert "Link" not in last


def test_a_wrong_cursor_of_csv_is_refused(penora_api):
    query = {"user_id": "alice", "cursor": "forged"}
    assert refused(penora_api.get(f"{API}/transactions", query, headers={"Accept": "text/csv"}), 400, "invalid_request")


def test_a_refusal_of_csv_is_still_a_problem(penora_api):
    answer = penora_api.get(f"{API}/transactions", {"user_id": "nobody"}, headers={"Accept": "text/csv"})
    assert refused(answer, 404, "user_not_found")


def test_bob_and_alice_see_and_touch_only_their_own(penora_api, stored):
    paid = charge(penora_api).json()["transaction_id"]
    held = hold(penora_api).json()["hold_id"]
    before = stored()
    assert refused(post(penora_api, f"transaction/{paid}/refund", user_id="bob", reason="x"), 404, "not_found")
    for action, body in (("capture", {}), ("release", {}), ("extend", {"ttl_seconds": 60})):
        assert refused(post(penora_api, f"hold/{held}/{action}", user_id="bob", **body), 404, "not_found")
    assert refused(penora_api.get(f"{API}/hold/{held}", {"user_id": "bob"}), 404, "not_found")
    assert refused(penora_api.delete(f"{API}/hold/{held}?user_id=bob"), 404, "not_found")
    assert [row["amount"] for row in history(penora_api, "bob")["results"]] == [10, 50]
    assert stored() == before


def test_an_app_settles_and_refunds_only_its_own(penora_api, imagegene_api, stored):
    paid = charge(penora_api).json()["transaction_id"]
    held = hold(penora_api).json()["hold_id"]
    imagegene_api.get(f"{API}/user-info", {"user_id": "alice"})
    before = stored()
    assert refused(post(imagegene_api, f"transaction/{paid}/refund", reason="x"), 403, "app_mismatch")
    assert refused(post(imagegene_api, f"hold/{held}/capture"), 403, "app_mismatch")
    assert refused(imagegene_api.delete(f"{API}/hold/{held}?user_id=alice"), 403, "app_mismatch")
    assert stored() == before
    assert paid in {row["transaction_id"] for row in history(imagegene_api)["results"]}


def test_a_person_reads_their_own_history_in_a_browser(penora_api, alice):
    browser = APIClient()
    browser.force_login(alice)
    charge(penora_api)
    assert [row["amount"] for row in browser.get(f"{API}/transactions").json()["results"]] == [-5, 10, 50]
    assert refused(browser.get(f"{API}/transactions", {"user_id": "bob"}), 404, "user_not_found")
    assert Entry.objects.count() == 5
