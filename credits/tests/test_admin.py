"""Staff's pages of the ledger and the price book: read by all, rewritten by nobody, prices only added."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import User
from credits import pricing, services
from credits.models import Allocation, ChargeKey, Entry, Grant, GrantBatch, Hold, Price, Wallet


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


@pytest.mark.parametrize("model", [Wallet, Entry, Grant, Allocation, Hold, GrantBatch, ChargeKey])
def test_nobody_adds_changes_or_deletes_ledger_rows(desk, alice, penora, model, stored):
    services.hold(user=alice, app=penora, amount=3)
    services.grant_once(key="k", users=[alice], amount=5, reason="Sorry")
    services.charge_batch(app=penora, orders=[services.Order(key="k", fingerprint="f", user=alice, amount=1)])
    row = model.objects.first()
    name = f"admin:credits_{model._meta.model_name}"
    before = stored()
    assert desk.get(reverse(f"{name}_changelist")).status_code == 200
    assert desk.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
    assert desk.get(reverse(f"{name}_add")).status_code == 403
    assert desk.post(reverse(f"{name}_change", args=[row.pk]), {"balance": 1, "amount": 1}).status_code == 403
    assert desk.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    desk.post(reverse(f"{name}_changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert stored() == before


def test_the_list_of_entries_is_searched_by_person(desk, alice, bob, penora):
    mine = services.charge(user=alice, app=penora, amount=1)
    theirs = services.charge(user=bob, app=penora, amount=1)
    page = desk.get(reverse("admin:credits_entry_changelist"), {"q": "alice@example.com"}).content.decode()
    assert mine.pk in page
    assert theirs.pk not in page


def test_changing_a_price_adds_a_version_and_keeps_the_old_row(desk, alice, penora):
    old = pricing.price_of(app=penora, operation="page_generation")
    held = services.hold(user=alice, app=penora, operation="page_generation", quantity=2)
    url = reverse("admin:credits_price_change", args=[old.pk])
    assert desk.post(url, {"credits": "4", "unit": "page"}).status_code == 302
    old.refresh_from_db()
    assert (old.credits, old.retired_at) == (1, None)
    assert pricing.quote(app=penora, operation="page_generation", quantity=2) == 8
    assert Hold.objects.get(pk=held.pk).amount == 2
    assert Price.objects.filter(operation="page_generation").count() == 2


def test_an_older_version_of_a_price_cannot_be_changed(desk, penora):
    old = pricing.price_of(app=penora, operation="page_generation")
    pricing.set_price(app=penora, operation="page_generation", unit="page", credits=4)
    answer = desk.post(reverse("admin:credits_price_change", args=[old.pk]), {"credits": "9", "unit": "page"})
    assert answer.status_code == 403
    assert pricing.quote(app=penora, operation="page_generation", quantity=1) == 4


def test_a_new_operation_is_added(desk, penora):
    fields = {"app": penora.pk, "operation": "proof_reading", "unit": "page", "credits": "2"}
    assert desk.post(reverse("admin:credits_price_add"), fields).status_code == 302
    assert pricing.quote(app=penora, operation="proof_reading", quantity=3) == 6


@pytest.mark.parametrize("amount", ["0", "-1", "1000001"])
def test_a_price_outside_the_range_is_refused(desk, penora, amount):
    before = Price.objects.count()
    price = pricing.price_of(app=penora, operation="page_generation")
    answer = desk.post(reverse("admin:credits_price_change", args=[price.pk]), {"credits": amount, "unit": "page"})
    assert "errorlist" in answer.content.decode()
    assert Price.objects.count() == before


def test_retiring_a_price_takes_every_version_out_of_force(desk, penora):
    pricing.set_price(app=penora, operation="page_generation", unit="page", credits=4)
    current = pricing.price_of(app=penora, operation="page_generation")
    desk.post(reverse("admin:credits_price_changelist"), {"action": "retire", "_selected_action": [current.pk]})
    assert "page_generation" not in {price.operation for price in pricing.current()}
    assert Price.objects.filter(operation="page_generation", retired_at__isnull=False).count() == 2


@pytest.mark.parametrize(("count", "told"), [(1, "1 price retired."), (2, "2 prices retired.")])
def test_says_how_many_prices_were_retired(desk, count, told):
    prices = [price.pk for price in pricing.current()[:count]]
    url = reverse("admin:credits_price_changelist")
    assert told in desk.post(url, {"action": "retire", "_selected_action": prices}, follow=True).content.decode()


def test_retiring_an_old_version_leaves_the_current_one_in_force(desk, penora):
    old = pricing.price_of(app=penora, operation="page_generation")
    pricing.set_price(app=penora, operation="page_generation", unit="page", credits=4)
    desk.post(reverse("admin:credits_price_changelist"), {"action": "retire", "_selected_action": [old.pk]})
    assert pricing.quote(app=penora, operation="page_generation", quantity=1) == 4


def test_staff_release_a_hold_with_a_reason_in_the_audit_log(desk, alice, penora):
    held = services.hold(user=alice, app=penora, amount=7)
    services.capture(user=alice, app=penora, hold_id=held.id, amount=2, final=False)
    page = reverse("admin:credits_hold_change", args=[held.pk])
    url = reverse("admin:credits_hold_release", args=[held.pk])
    assert url in desk.get(page).content.decode()
    assert "errorlist" in desk.post(url, {"reason": " "}).content.decode()
    assert desk.post(url, {"reason": "The app is gone"}, follow=True).status_code == 200
    wallet = services.wallet_of(user=alice)
    assert (wallet.balance, wallet.held, services.hold_of(user=alice, hold_id=held.pk).status) == (58, 0, "released")
    assert LogEntry.objects.get().get_change_message() == "Released: The app is gone"
    assert url not in desk.get(page).content.decode()


@pytest.mark.parametrize(("amount", "told"), [(1, "Penora holds 1 credit of"), (7, "Penora holds 7 credits of")])
def test_says_how_many_credits_are_let_go(desk, alice, penora, amount, told):
    held = services.hold(user=alice, app=penora, amount=amount)
    assert told in desk.get(reverse("admin:credits_hold_release", args=[held.pk])).content.decode()


def test_staff_cannot_release_what_its_app_settled_first(desk, alice, penora):
    held = services.hold(user=alice, app=penora, amount=7)
    services.capture(user=alice, app=penora, hold_id=held.id)
    answer = desk.post(reverse("admin:credits_hold_release", args=[held.pk]), {"reason": "Stuck"})
    assert "This hold was already captured." in answer.content.decode()
    assert not LogEntry.objects.exists()


def test_a_hold_is_not_released_without_the_permission(client, alice, penora):
    held = services.hold(user=alice, app=penora, amount=7)
    helper = User.objects.create_user("helper@example.com", password="x", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_hold"))
    client.force_login(helper)
    page = reverse("admin:credits_hold_change", args=[held.pk])
    url = reverse("admin:credits_hold_release", args=[held.pk])
    assert url not in client.get(page).content.decode()
    assert client.post(url, {"reason": "Stuck"}).status_code == 403
    assert services.hold_of(user=alice, hold_id=held.pk).status == "active"


@pytest.mark.parametrize("model", [Entry, Grant, Hold])
def test_a_page_of_the_ledger_says_whose_it_is(desk, alice, penora, model):
    services.hold(user=alice, app=penora, amount=5)
    row = model.objects.all()[0]
    page = desk.get(reverse(f"admin:credits_{model._meta.model_name}_change", args=[row.pk])).content.decode()
    assert '<div class="readonly">alice</div>' in page


def test_the_page_of_an_entry_shows_which_grants_paid(desk, alice, penora):
    entry = services.charge(user=alice, app=penora, amount=12)
    page = desk.get(reverse("admin:credits_entry_change", args=[entry.pk])).content.decode()
    assert "0 of 10 bonus" in page
    assert "48 of 50 base" in page
