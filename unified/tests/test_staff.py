"""The staff's start page: the numbers that matter, shown to who may see them, and honest about the ledger."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe

from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Wallet
from unified.staff_numbers import StaffNumbers
from unified.templatetags.staff import labelled
from workspace.models import Workspace
from workspace.tests.page_cast import write

START = "/admin/"


def words(page: str) -> str:
    """What a reader reads of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def start(client: Client) -> str:
    return words(client.get(START).content.decode())


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def busy(alice: User, bob: User, penora: ClientApp, imagegene: ClientApp) -> None:
    """Two people with their 60 credits each; 7 and 4 are spent, 1 came back, 5 are on hold, a bonus of 10 was given."""
    for person in (alice, bob):
        credits.wallet_of(user=person)
    charge = credits.charge(user=alice, app=penora, amount=7)
    credits.charge(user=bob, app=imagegene, amount=4)
    credits.refund(user=alice, app=penora, entry_id=charge.pk, amount=1, reason="Sorry")
    credits.hold(user=bob, app=penora, amount=5)
    credits.grant(user=bob, amount=10, reason="Thanks")
    write(alice, "A text", "x" * 700)


def test_the_numbers_are_those_of_everybody(busy: None, alice: User) -> None:
    numbers = StaffNumbers()
    assert numbers.credits == {"balance": 120, "held": 5, "n": 2, "entries": 120, "left": 120, "agree": True}
    assert numbers.given == {"total": 130, "base": 100, "bonus": 30, "purchased": 0}
    assert {total.app.slug: total.credits for total in numbers.spent.totals} == {"penora": 6, "imagegene": 4}
    assert numbers.holds == {"n": 1, "credits": 5}
    assert numbers.people == {"n": 2, "week": 2, "month": 2}
    used = Workspace.objects.get(user=alice).used_bytes
    assert (numbers.storage["used"], numbers.storage["projects"], numbers.storage["full"]) == (used, 1, 0)


def test_what_is_long_ago_is_not_new(busy: None, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert StaffNumbers().people == {"n": 2, "week": 1, "month": 2}
    User.objects.filter(pk=alice.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert StaffNumbers().people == {"n": 2, "week": 1, "month": 1}


def test_the_start_page_says_them(desk: Client, busy: None) -> None:
    page = start(desk)
    assert "120 in 2 wallets 5 on hold" in page
    assert "The ledger balances." in page
    assert "10 spent in 30 days Penora 6 ImageGene 4" in page
    assert "Sign-up credits 100 Bonuses 30" in page


def test_a_ledger_that_does_not_balance_is_said(desk: Client, busy: None, alice: User) -> None:
    Wallet.objects.filter(pk=alice.pk).update(balance=55)
    page = start(desk)
    assert "The ledger does not balance. Entries come to 120, wallets to 121, grants to 120" in page
    assert "The ledger balances." not in page


def test_a_nearly_full_workspace_is_counted(busy: None, alice: User) -> None:
    Workspace.objects.filter(user=alice).update(limit_bytes=Workspace.objects.get(user=alice).used_bytes)
    assert StaffNumbers().storage["full"] == 1


def test_a_helper_sees_only_what_they_may(client: Client, busy: None) -> None:
    helper = User.objects.create_user("helper@example.com", is_staff=True)
    client.force_login(helper)
    blind = start(client)
    assert not [word for word in ("outstanding", "spent in", "Granted", "New people", "Storage") if word in blind]
    helper.user_permissions.add(Permission.objects.get(codename="view_user"))
    seen = start(client)
    assert "New people in 30 days 2" in seen
    assert "outstanding" not in seen


def test_the_start_page_asks_as_many_queries_for_many_people_as_for_few(desk: Client, busy: None) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(START).status_code == 200
        return len(captured)

    queries()
    few = queries()
    app = ClientApp.objects.get(slug="penora")
    for number in range(10):
        person = User.objects.create_user(f"p{number}@example.com")
        credits.charge(user=person, app=app, amount=1)
    assert queries() == few


def test_a_person_is_found_from_the_start_page(desk: Client, alice: User) -> None:
    page = desk.get(START).content.decode()
    assert f'action="{reverse("admin:accounts_user_changelist")}"' in page
    assert "alice@example.com" in desk.get(reverse("admin:accounts_user_changelist"), {"q": "alice"}).content.decode()


def test_each_cell_of_a_list_has_the_name_of_its_column(desk: Client, busy: None) -> None:
    page = desk.get(reverse("admin:accounts_user_changelist"), {"q": "alice"}).content.decode()
    row = page.split("<tbody>")[1].split("</tbody>")[0]
    labels = re.findall(r'<t[dh] data-label="([^"]*)"', row)
    assert labels == ["User id", "Name", "Email", "Credits", "Storage", "Is active", "Is staff", "Since"]
    assert '<td class="action-checkbox">' in row


def test_the_name_of_a_column_cannot_break_out_of_its_cell() -> None:
    header = {"text": '"><script>', "class_attrib": ""}
    (cell,) = labelled([mark_safe('<td class="x">1</td>')], [header])
    assert cell == '<td data-label="&quot;&gt;&lt;script&gt;" class="x">1</td>'


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_the_colours_chosen_hold_without_script(desk: Client, chosen: str) -> None:
    assert "theme-" not in desk.get(START).content.decode().split("<body")[1].split(">")[0]
    desk.post("/theme", {"theme": chosen})
    assert f"theme-{chosen}" in desk.get(START).content.decode().split("<body")[1].split(">")[0]
