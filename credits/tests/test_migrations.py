"""What migrations do to a ledger that is there already."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from accounts import append_only
from credits import services
from credits.auditing import Tally, audit
from credits.models import Entry, Wallet


@pytest.mark.django_db(transaction=True)
def test_chains_made_another_way_are_made_anew(alice, bob, penora):
    charge = services.charge(user=alice, app=penora, amount=3, description="Ä page")
    services.refund(user=alice, app=penora, entry_id=charge.id, amount=1, reason="Torn")
    services.wallet_of(user=bob)
    append_only.remove()
    Entry.objects.update(hash="f" * 64)
    Wallet.objects.update(head_hash="f" * 64)
    assert len(list(audit(Tally()))) >= 2
    with connection.schema_editor() as editor:
        import_module("credits.migrations.0008_closing").rechain(apps, editor)
    append_only.install()
    assert list(audit(Tally())) == []
