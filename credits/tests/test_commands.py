"""The ledger's commands: bonuses once per key, and the sweepers; test_auditing.py has check_ledger."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from credits import services
from credits.models import GrantBatch, Hold, Wallet


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


def test_grant_bonus_gives_everybody_the_credits_once_per_key(alice, bob):
    assert bonus("--all") == "2 users granted 10 credits each.\n"
    assert bonus("--all").startswith("0 users granted 10 credits each.\nThe key 'k1' was used on")
    assert [services.wallet_of(user=user).balance for user in (alice, bob)] == [70, 70]
    assert GrantBatch.objects.get().count == 2


def test_grant_bonus_gives_only_to_those_named(alice, bob):
    assert bonus("--user", "alice") == "1 user granted 10 credits each.\n"
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
