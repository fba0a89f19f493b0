"""check_ledger: silent about what the services made, and about every planted fault it names the row."""

import tracemalloc
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import append_only
from accounts import services as accounts
from accounts.auditing import snapshot
from credits import services
from credits.auditing import Tally, audit
from credits.models import Allocation, ChargeKey, Entry, Grant
from credits.tests.long_history import charge_often
from credits.tests.test_commands import run


@pytest.fixture
def history(alice, bob, penora, imagegene):
    """A ledger with something of everything, and the names of its rows; of Bob's everything is right."""
    charge = services.charge(user=alice, app=penora, amount=15, description="Pages")
    refund = services.refund(user=alice, app=penora, entry_id=charge.id, amount=4, reason="Blank page")
    active = services.hold(user=alice, app=penora, amount=7)
    captured = services.hold(user=alice, app=penora, amount=5)
    _, capture = services.capture(user=alice, app=penora, hold_id=captured.id, amount=3)
    correction = services.adjust(user=alice, amount=-2, reason="Correction", entry_id=charge.id)
    mortal = services.grant(user=alice, amount=9, reason="Week", expires_at=timezone.now() + timedelta(days=7))
    other = services.charge(user=bob, app=imagegene, amount=2)
    bobs = services.hold(user=bob, app=imagegene, amount=1)
    return {
        "user": alice.pk,
        "bob": bob.pk,
        "imagegene": imagegene.pk,
        "charge": charge.id,
        "refund": refund.id,
        "capture": capture.id,
        "correction": correction.id,
        "hold": active.id,
        "captured": captured.id,
        "base": Grant.objects.get(wallet_id=alice.pk, source="base").pk,
        "mortal": mortal.allocations.get().grant_id,
        "other": other.id,
        "bobs_hold": bobs.id,
        "bobs_grant": Grant.objects.get(wallet_id=bob.pk, source="base").pk,
        "part": Allocation.objects.filter(entry=charge).order_by("id").first().pk,
        "kept": active.allocations.get().pk,
    }


def plant(*statements):
    """Do by raw SQL what no service does, behind the triggers' back."""
    append_only.remove()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    append_only.install()


def faults():
    return [str(fault) for fault in audit(Tally())]


def test_check_ledger_passes_what_the_services_made(history):
    assert run("check_ledger") == (0, "2 wallets, 10 entries, 0 faults.\n")


@pytest.mark.django_db(transaction=True)
def test_the_checks_run_outside_a_transaction_and_leave_none_behind(history, penora, alice):
    assert run("check_ledger") == (0, "2 wallets, 10 entries, 0 faults.\n")
    assert run("check_storage")[0] == 0
    assert not connection.in_atomic_block
    services.charge(user=alice, app=penora, amount=1)
    assert run("check_ledger")[1].startswith("2 wallets, 11 entries")


@pytest.mark.django_db(transaction=True)
def test_a_charge_made_during_the_check_is_not_a_fault(history, penora, alice, race):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets nobody write while the check reads")
    with snapshot():
        assert Entry.objects.count() == 10
        assert race(lambda _: services.charge(user=alice, app=penora, amount=1).amount, times=1) == [-1]
        assert faults() == []
        assert Entry.objects.count() == 10
    assert Entry.objects.count() == 11


WALLET = "UPDATE credits_wallet SET {} WHERE user_id = {{user}}"
ENTRY = "UPDATE credits_entry SET {} WHERE id = '{{{}}}'"
GRANT = "UPDATE credits_grant SET {} WHERE id = {{base}}"
HOLD = "UPDATE credits_hold SET {} WHERE id = '{{{}}}'"
INVENTED = """INSERT INTO credits_entry (id, wallet_id, version, transaction_type, amount, balance_after, description,
    project_code, created_at, hash) SELECT 'txn_new', wallet_id, version + 1, 'bonus', 5, balance_after + 5, '', '',
    created_at, hash FROM credits_entry WHERE wallet_id = {user} AND version = 7"""
PLANTED = {
    # the wallet
    "balance": (WALLET.format("balance = balance + 1"), "wallet of alice: balance is"),
    "version": (WALLET.format("version = version + 1"), "wallet of alice: version is 8, its entries say 7"),
    "head": (WALLET.format("head_hash = 'x'"), "wallet of alice: head_hash is x, its entries say"),
    "held": (WALLET.format("held = held + 1"), "wallet of alice: held is 8, its active holds say 7"),
    "due": (WALLET.format("next_due_at = NULL"), "hold {hold} of alice: ends at"),
    "due grant": (WALLET.format("next_due_at = '2099-01-01 00:00:00'"), "grant {mortal} of alice: ends at"),
    "closed": (
        WALLET.format("closed_at = '2030-01-01 00:00:00'"),
        "wallet of alice: its account is closed, and it has",
    ),
    # versions, running sums and the chain
    "description": (ENTRY.format("description = 'x'", "charge"), "entry {charge} of alice: hash does not fit"),
    "erased": (ENTRY.format("description = 'erased:0'", "charge"), "entry {charge} of alice: hash does not fit"),
    "created_at": (ENTRY.format("created_at = '2020-01-01 00:00:00'", "charge"), "entry {charge} of alice: hash"),
    "app": (ENTRY.format("app_id = {imagegene}", "charge"), "entry {charge} of alice: hash does not fit"),
    "project": (ENTRY.format("project_code = 'ABC234'", "charge"), "entry {charge} of alice: hash does not fit"),
    "related": (ENTRY.format("related_id = NULL", "correction"), "entry {correction} of alice: hash does not fit"),
    "entry's hold": (ENTRY.format("hold_id = '{hold}'", "capture"), "entry {capture} of alice: hash does not fit"),
    "hash": (ENTRY.format("hash = 'x'", "charge"), "entry {charge} of alice: hash does not fit"),
    "type": (ENTRY.format("transaction_type = 'expired'", "charge"), "entry {charge} of alice: hash does not fit"),
    "balance_after": (ENTRY.format("balance_after = 99", "charge"), "entry {charge} of alice: balance_after is 99"),
    "amount": (ENTRY.format("amount = -14", "charge"), "entry {charge} of alice: balance_after is 45"),
    "entry's version": (ENTRY.format("version = 77", "charge"), "of alice: version 4 where 3 should follow"),
    "entry's wallet": (
        "UPDATE credits_entry SET wallet_id = {bob}, version = 77 WHERE id = '{correction}'",
        "entry {correction} of bob: version 77 where 4 should follow",
    ),
    "entry deleted": (
        "DELETE FROM credits_allocation WHERE entry_id = '{refund}'; DELETE FROM credits_entry WHERE id = '{refund}'",
        "of alice: version 5 where 4 should follow",
    ),
    "last entry deleted": (
        "DELETE FROM credits_allocation WHERE entry_id = '{other}'; DELETE FROM credits_entry WHERE id = '{other}'",
        "wallet of bob: version is 3, its entries say 2",
    ),
    "every entry deleted": (
        "DELETE FROM credits_allocation;UPDATE credits_entry SET related_id = NULL;DELETE FROM credits_entry",
        "wallet of alice: version is 7, its entries say 0",
    ),
    "entry invented": (INVENTED, "entry txn_new of alice: hash does not fit"),
    # which grants an entry moved
    "allocation": (
        "UPDATE credits_allocation SET amount = amount + 1 WHERE id = {part}",
        "entry {charge} of alice: amount is -15, it moved -14 in grants",
    ),
    "allocation deleted": (
        "DELETE FROM credits_allocation WHERE entry_id = '{correction}'",
        "entry {correction} of alice: amount is -2, it moved 0 in grants",
    ),
    "allocation moved": (
        "UPDATE credits_allocation SET grant_id = {bobs_grant} WHERE id = {part}",
        "allocation {part} of alice: moves another wallet's grant",
    ),
    # grants
    "remaining": (GRANT.format("remaining = remaining - 1"), "grant {base} of alice: has 43, entries leave 44"),
    "grant held": (GRANT.format("held = held - 1"), "grant {base} of alice: held is 6, its holds say 7"),
    "grant moved": (GRANT.format("wallet_id = {bob}"), "wallet of alice: balance is"),
    # holds
    "captured": (HOLD.format("captured = captured + 1", "hold"), "hold {hold} of alice: captured is 1, entries say 0"),
    "status": (HOLD.format("status = 'released'", "hold"), "hold {hold} of alice: is released and keeps 7 in grants"),
    "revived": (HOLD.format("status = 'active'", "captured"), "hold {captured} of alice: is active and keeps 0 in"),
    "settled": (
        HOLD.format("settled_at = '2030-01-01 00:00:00'", "hold"),
        "hold {hold} of alice: is active, settled at",
    ),
    "hold's amount": (HOLD.format("amount = 8", "hold"), "hold {hold} of alice: is active and keeps 7 in grants, of 8"),
    "hold's end": (
        HOLD.format("expires_at = '2020-01-01 00:00:00'", "hold"),
        "hold {hold} of alice: ends at 2020-01-01",
    ),
    "hold's app": (HOLD.format("app_id = {imagegene}", "captured"), "entry {capture} of alice: charges another's hold"),
    "kept": (
        "UPDATE credits_holdallocation SET amount = 6 WHERE id = {kept}",
        "hold {hold} of alice: is active and keeps 6 in grants, of 7 captured 0",
    ),
    "kept elsewhere": (
        "UPDATE credits_holdallocation SET grant_id = {bobs_grant} WHERE id = {kept}",
        "hold allocation {kept} of alice: keeps another wallet's grant",
    ),
    "kept deleted": (
        "DELETE FROM credits_holdallocation WHERE id = {kept}",
        "hold {hold} of alice: is active and keeps 0",
    ),
    # corrections
    "refunded too much": (ENTRY.format("amount = 16", "refund"), "entry {charge} of alice: took 15 and gave 16 back"),
    "refund of nothing": (ENTRY.format("related_id = NULL", "refund"), "entry {refund} of alice: refunds no charge"),
    "refund of a refund": (
        ENTRY.format("related_id = '{correction}'", "refund"),
        "entry {refund} of alice: refunds no",
    ),
    "another's corrected": (
        ENTRY.format("related_id = '{other}'", "correction"),
        "entry {correction} of alice: corrects another wallet's entry",
    ),
    "another's captured": (
        ENTRY.format("hold_id = '{bobs_hold}'", "capture"),
        "entry {capture} of alice: charges another",
    ),
}
# What is wrong with Bob's books as well when Alice's rows are moved to him.
TWO_WALLETS = {
    "entry's wallet",
    "last entry deleted",
    "every entry deleted",
    "allocation moved",
    "grant moved",
    "kept elsewhere",
    "another's captured",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_its_row_named(history, name):
    statements, sentence = PLANTED[name]
    assert faults() == []
    # A row may point at a row that is not there until the transaction ends.
    plant(*statements.format(**history).split(";"))
    status, said = run("check_ledger")
    assert status == 1
    assert sentence.format(**history) in said
    assert name in TWO_WALLETS or "bob" not in said


COPY = "UPDATE credits_chargekey SET answer = (SELECT answer FROM credits_chargekey WHERE key = '{}') WHERE key = '{}'"
OF_KEYS = {
    "app": ("UPDATE credits_chargekey SET app_id = {imagegene} WHERE key = 'a'", "charge key {a} of imagegene: was"),
    "no charge": (COPY.format("short", "a"), "charge key {a} of penora: was answered with a charge that is not in the"),
    "entry": (ENTRY.format("amount = -3", "paid"), "charge key {a} of penora: was answered with a charge that is not"),
    "twice": (COPY.format("a", "b"), "entry {paid}: was charged once and answered under 2 keys"),
}


@pytest.mark.parametrize("name", OF_KEYS)
def test_a_key_whose_answer_was_not_charged_is_a_fault(alice, penora, imagegene, name):
    services.wallet_of(user=alice)
    asked = {"a": 2, "b": 2, "short": 61}
    orders = [services.Order(key=key, fingerprint="f", user=alice, amount=amount) for key, amount in asked.items()]
    paid = services.charge_batch(app=penora, orders=orders)[0].answer["transaction_id"]
    assert faults() == []
    statement, sentence = OF_KEYS[name]
    named = {"a": ChargeKey.objects.get(key="a").pk, "paid": paid, "imagegene": imagegene.pk}
    plant(statement.format(**named))
    status, said = run("check_ledger")
    assert status == 1
    assert sentence.format(**named) in said


@pytest.mark.parametrize("trigger", ["credits_entry_no_update", "credits_allocation_no_delete"])
def test_a_trigger_that_is_gone_is_a_fault(history, trigger):
    suffix = f" ON {trigger.rsplit('_no_', 1)[0]}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger}{suffix}")
    assert faults() == [f"trigger {trigger}: is missing or switched off"]


def test_only_the_first_bad_entry_of_a_wallet_is_named(history):
    append_only.remove()
    Entry.objects.filter(wallet_id=history["user"]).update(description="Changed")
    append_only.install()
    first = Entry.objects.get(wallet_id=history["user"], version=1)
    assert faults() == [
        f"entry {first.id} of alice: hash does not fit the chain: this entry or the one before it was changed"
    ]


def spend(app, user, *amounts):
    for amount in amounts:
        services.charge(user=user, app=app, amount=amount)


def test_spending_past_a_cap_is_a_fault(alice, bob, penora, clock):
    for user in (alice, bob):
        accounts.set_daily_cap(user=user, app=penora, credits=5)
    spend(penora, alice, 5)
    clock.forward(days=2)
    spend(penora, alice, 3)
    assert faults() == []
    day = timezone.now().date()
    accounts.set_daily_cap(user=alice, app=penora, credits=None)
    spend(penora, alice, 4)
    accounts.set_daily_cap(user=alice, app=penora, credits=5)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_connection SET cap_set_at = '2020-01-01 00:00:00'")
    assert faults() == [f"penora for alice: 7 credits went on {day}, the cap is 5"]


def test_a_cap_that_was_lowered_later_is_no_fault(alice, penora, clock):
    spend(penora, alice, 9)
    held = services.hold(user=alice, app=penora, amount=8, ttl_seconds=86_400)
    accounts.set_daily_cap(user=alice, app=penora, credits=5)
    clock.forward(hours=23)
    services.capture(user=alice, app=penora, hold_id=held.id)
    clock.forward(days=1)
    assert faults() == []


def test_what_was_refunded_does_not_count_against_a_cap(alice, penora, clock):
    accounts.set_daily_cap(user=alice, app=penora, credits=5)
    clock.forward(days=1)
    for _ in range(2):
        entry = services.charge(user=alice, app=penora, amount=4)
        services.refund(user=alice, app=penora, entry_id=entry.id, amount=3, reason="Torn")
    assert faults() == []


class Terminal(StringIO):
    def isatty(self):
        return True


def test_a_terminal_sees_a_bar_and_a_file_does_not(alice, penora):
    charge_often(alice, penora, 4_100, since=timezone.now())
    seen, unseen = Terminal(), StringIO()
    for err in (seen, unseen):
        call_command("check_ledger", stdout=StringIO(), stderr=err)
    assert "\r[###############...............]  49% 2,000 of 4,103 entries" in seen.getvalue()
    assert "[##############################] 100% 4,103 of 4,103 entries" in seen.getvalue()
    assert unseen.getvalue() == ""


def peak_of_an_audit():
    tracemalloc.start()
    try:
        assert faults() == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_a_check_does_not_grow_with_the_ledger(alice, bob, penora):
    charge_often(alice, penora, 5_000, since=timezone.now())
    # Once before measuring, for what is loaded at first use.
    faults()
    small = peak_of_an_audit()
    charge_often(alice, penora, 20_000, since=timezone.now())
    charge_often(bob, penora, 20_000, since=timezone.now())
    assert Entry.objects.count() > 45_000
    assert peak_of_an_audit() < small * 1.2
