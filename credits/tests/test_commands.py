"""The ledger's commands: bonuses once per key, the sweepers, and every kind of fault found and named."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from credits import append_only, services
from credits.auditing import Tally, audit, snapshot
from credits.models import Entry, Grant, GrantBatch, Hold, Wallet


def run(name: str, *args: str) -> tuple[int, str]:
    """Exit status and output of a command."""
    out = StringIO()
    try:
        call_command(name, *args, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def bonus(*whom: str, amount: str = "10", reason: str = "Sorry", key: str = "k1") -> str:
    return run("grant_bonus", *whom, "--amount", amount, "--reason", reason, "--key", key)[1]


@pytest.fixture
def history(alice, bob, penora):
    """A ledger with something of everything: Alice charged, refunded and holds; Bob only signed up."""
    charge = services.charge(user=alice, app=penora, amount=15, description="Pages")
    services.refund(user=alice, app=penora, entry_id=charge.id, amount=4, reason="Blank page")
    services.hold(user=alice, app=penora, amount=7)
    captured = services.hold(user=alice, app=penora, amount=5)
    services.capture(user=alice, app=penora, hold_id=captured.id, amount=3)
    services.adjust(user=alice, amount=-2, reason="Correction")
    services.wallet_of(user=bob)
    return charge


def test_check_ledger_passes_what_the_services_made(history):
    assert run("check_ledger") == (0, "2 wallets, 8 entries, 0 faults.\n")


@pytest.mark.django_db(transaction=True)
def test_the_checks_run_outside_a_transaction_and_leave_none_behind(history, penora, alice):
    assert run("check_ledger") == (0, "2 wallets, 8 entries, 0 faults.\n")
    assert run("check_storage")[0] == 0
    assert not connection.in_atomic_block
    services.charge(user=alice, app=penora, amount=1)
    assert run("check_ledger")[1].startswith("2 wallets, 9 entries")


@pytest.mark.django_db(transaction=True)
def test_a_charge_made_during_the_check_is_not_a_fault(history, penora, alice, race):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets nobody write while the check reads")
    with snapshot():
        assert Entry.objects.count() == 8
        assert race(lambda _: services.charge(user=alice, app=penora, amount=1).amount, times=1) == [-1]
        assert list(audit(Tally())) == []
        assert Entry.objects.count() == 8
    assert Entry.objects.count() == 9


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE credits_wallet SET balance = balance + 1 WHERE user_id = {user}", "wallet of alice: balance is"),
        ("UPDATE credits_wallet SET version = version + 1 WHERE user_id = {user}", "wallet of alice: version is"),
        ("UPDATE credits_wallet SET head_hash = 'x' WHERE user_id = {user}", "wallet of alice: head_hash is x"),
        ("UPDATE credits_wallet SET held = held + 1 WHERE user_id = {user}", "wallet of alice: held is"),
        ("UPDATE credits_entry SET description = 'Changed' WHERE id = '{charge}'", "entry {charge} of alice: hash"),
        ("UPDATE credits_entry SET balance_after = 99 WHERE id = '{charge}'", "entry {charge} of alice: balance_after"),
        ("UPDATE credits_entry SET amount = -14 WHERE id = '{charge}'", "entry {charge} of alice: balance_after"),
        ("UPDATE credits_entry SET version = 77 WHERE id = '{charge}'", "of alice: version 4 where 3 should follow"),
        ("UPDATE credits_allocation SET amount = -14 WHERE entry_id = '{charge}'", "entry {charge} of alice: amount"),
        ("UPDATE credits_grant SET remaining = remaining - 1 WHERE id = {base}", "grant {base} of alice: has"),
        ("UPDATE credits_grant SET held = held - 1 WHERE id = {base}", "grant {base} of alice: held is"),
        ("UPDATE credits_hold SET captured = captured + 1 WHERE id = '{hold}'", "hold {hold} of alice: captured is"),
        ("UPDATE credits_hold SET status = 'released' WHERE id = '{hold}'", "hold {hold} of alice: keeps 7 in grants"),
        ("UPDATE credits_holdallocation SET amount = 6 WHERE hold_id = '{hold}'", "hold {hold} of alice: keeps 6"),
        (
            "UPDATE credits_entry SET amount = 16 WHERE transaction_type = 'refund'",
            "entry {charge} of alice: took 15 and gave 16 back",
        ),
    ],
)
def test_check_ledger_names_the_row_that_does_not_add_up(history, alice, statement, sentence):
    rows = {
        "user": alice.pk,
        "charge": history.pk,
        "base": Grant.objects.get(wallet_id=alice.pk, source="base").pk,
        "hold": Hold.objects.get(status="active").pk,
    }
    append_only.remove()
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**rows))
    status, said = run("check_ledger")
    assert status == 1
    assert sentence.format(**rows) in said
    assert "bob" not in said


def test_check_ledger_finds_a_deleted_entry(history):
    append_only.remove()
    refund = Entry.objects.get(transaction_type="refund")
    refund.allocations.all().delete()
    refund.delete()
    status, said = run("check_ledger")
    assert status == 1
    assert "version 5 where 4 should follow" in said


def test_check_ledger_names_only_the_first_bad_entry_of_a_wallet(history):
    append_only.remove()
    Entry.objects.filter(wallet=history.wallet).update(description="Changed")
    said = run("check_ledger")[1]
    assert said.count("hash does not fit") == 1


def test_grant_bonus_gives_everybody_the_credits_once_per_key(alice, bob):
    assert bonus("--all") == "2 users granted 10 credits each.\n"
    assert bonus("--all").startswith("0 users granted 10 credits each.\nThe key 'k1' was used on")
    assert [services.wallet_of(user=user).balance for user in (alice, bob)] == [70, 70]
    assert GrantBatch.objects.get().count == 2


def test_grant_bonus_gives_only_to_those_named(alice, bob):
    assert bonus("--user", "alice") == "1 users granted 10 credits each.\n"
    assert [services.wallet_of(user=user).balance for user in (alice, bob)] == [70, 60]


def test_grant_bonus_names_a_user_it_does_not_know(alice):
    with pytest.raises(CommandError, match="No such user: nobody"):
        bonus("--user", "alice", "--user", "nobody")
    assert not GrantBatch.objects.exists()
    assert services.wallet_of(user=alice).balance == 60


@pytest.mark.parametrize("change", [{"amount": "11"}, {"reason": "Other"}])
def test_grant_bonus_refuses_a_key_for_other_terms(alice, change):
    bonus("--all")
    with pytest.raises(CommandError, match="another grant"):
        bonus("--all", **change)
    assert services.wallet_of(user=alice).balance == 70


@pytest.mark.parametrize("amount", ["0", "-1", "1000001", "1.5", "ten"])
def test_grant_bonus_refuses_what_is_no_amount(alice, amount):
    with pytest.raises(CommandError, match="amount"):
        bonus("--all", amount=amount)


def test_grant_bonus_asks_for_whom(db):
    with pytest.raises(CommandError, match="--all"):
        bonus()


def test_expire_credits_writes_off_once(alice, clock):
    services.grant(user=alice, amount=5, reason="Weekend", expires_at=timezone.now() + timedelta(hours=1))
    clock.forward(hours=2)
    assert run("expire_credits")[1].startswith("1 wallets settled")
    assert Wallet.objects.get(pk=alice.pk).balance == 60
    assert run("expire_credits")[1].startswith("0 wallets settled")


def test_release_expired_holds_releases_once(alice, penora, clock):
    services.hold(user=alice, app=penora, amount=5, ttl_seconds=60)
    assert run("release_expired_holds")[1].startswith("0 wallets settled")
    clock.forward(seconds=61)
    assert run("release_expired_holds")[1].startswith("1 wallets settled")
    assert Wallet.objects.get(pk=alice.pk).held == 0
    assert Hold.objects.get().status == "expired"
    assert run("check_ledger")[0] == 0
