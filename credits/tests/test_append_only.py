"""The database itself refuses to rewrite the ledger, and to store rows that no service could have made."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.utils import timezone

from accounts import append_only, checks
from credits import services
from credits.models import Allocation, Entry, Grant, Hold, Price, Wallet


@pytest.fixture
def entry(alice, penora):
    return services.charge(user=alice, app=penora, amount=3, description="A page")


@pytest.mark.parametrize("change", [{"amount": -1}, {"description": "Something else"}, {"balance_after": 60}])
def test_an_entry_cannot_be_changed(entry, change):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Entry.objects.filter(pk=entry.pk).update(**change)
    entry.refresh_from_db()
    assert (entry.amount, entry.description, entry.balance_after) == (-3, "A page", 57)


@pytest.mark.parametrize("table", ["credits_entry", "credits_allocation"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET amount = amount + 1"])
def test_raw_sql_cannot_rewrite_the_ledger(entry, table, statement):
    before = list(Entry.objects.values()), list(Allocation.objects.values())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert (list(Entry.objects.values()), list(Allocation.objects.values())) == before


def test_the_words_of_an_entry_can_be_erased_and_nothing_else_of_it(entry):
    erased = f"erased:{entry.description_digest}"
    Entry.objects.filter(pk=entry.pk).update(description=erased)
    entry.refresh_from_db()
    assert entry.description == erased
    for change in ({"description": "A page"}, {"description": erased, "amount": -1}, {"project_code": ""}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Entry.objects.filter(pk=entry.pk).update(**change)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no TRUNCATE")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ["TRUNCATE credits_entry CASCADE", "TRUNCATE credits_allocation"])
def test_the_ledger_cannot_be_truncated(entry, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Entry.objects.filter(pk=entry.pk).exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="INSERT OR REPLACE is SQLite's")
@pytest.mark.parametrize("change", [{"id": "'txn_new'"}, {"version": "99"}, {}])
def test_an_entry_cannot_be_replaced(entry, change):
    columns = [field.column for field in Entry._meta.concrete_fields]
    values = [{"amount": "-50", **change}.get(column, column) for column in columns]
    statement = "INSERT OR REPLACE INTO credits_entry ({}) SELECT {} FROM credits_entry WHERE id = %s"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(", ".join(columns), ", ".join(values)), [entry.pk])
    entry.refresh_from_db()
    assert entry.amount == -3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's triggers cannot be switched off")
def test_a_trigger_that_is_switched_off_is_reported_and_switched_on(db):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE credits_entry DISABLE TRIGGER credits_entry_no_delete")
    assert append_only.missing() == ["credits_entry_no_delete"]
    append_only.install()
    assert append_only.missing() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Entry, Allocation])
def test_a_table_that_a_migration_made_anew_is_guarded_again(entry, model):
    field = model._meta.get_field("amount")
    wider = models.DecimalField(max_digits=20, decimal_places=0)
    wider.set_attributes_from_name("amount")
    append_only.remove()
    with connection.schema_editor() as editor:
        editor.alter_field(model, field, wider)
        editor.alter_field(model, wider, field)
    assert append_only.missing() != []
    call_command("migrate", verbosity=0)
    assert append_only.missing() == []
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.update(amount=1)


def test_a_missing_trigger_is_reported_and_put_back(db):
    append_only.remove()
    assert "credits_entry_no_delete" in append_only.missing()
    errors = checks.append_only_triggers(databases=["default"])
    assert {error.msg for error in errors} == {f"The trigger {name} is missing." for name in append_only.missing()}
    assert len(errors) == 18
    append_only.install()
    assert checks.append_only_triggers(databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
def test_emptying_the_database_brings_the_triggers_back(entry):
    append_only.remove()
    call_command("flush", interactive=False, verbosity=0)
    assert not Entry.objects.exists()
    assert append_only.missing() == []


@pytest.mark.parametrize(
    "change",
    [
        {"balance": -1, "held": 0},
        {"balance": 1, "held": 2},
        {"held": -1},
    ],
)
def test_a_wallet_cannot_be_short_or_hold_more_than_it_has(entry, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.filter(pk=entry.wallet_id).update(**change)
    wallet = Wallet.objects.get(pk=entry.wallet_id)
    assert (wallet.balance, wallet.held) == (57, 0)


@pytest.mark.parametrize("change", [{"remaining": -1}, {"remaining": 51}, {"held": 51}, {"held": -1}])
def test_a_grant_cannot_hold_more_than_is_left_of_it(entry, change):
    base = Grant.objects.get(source="base")
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=base.pk).update(**change)
    base.refresh_from_db()
    assert (base.remaining, base.held) == (50, 0)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("base", -1), ("bonus", -1), ("purchased", 0), ("refund", -1), ("used", 1), ("expired", 1), ("adjustment", 0)],
)
def test_the_sign_of_an_entry_fits_its_type(entry, kind, amount):
    assert _refused(entry, transaction_type=kind, amount=amount)


def test_an_entry_type_must_be_known(entry):
    assert _refused(entry, transaction_type="gift", amount=1)


def test_two_entries_cannot_have_the_same_version(entry):
    assert _refused(entry, version=entry.version)


def test_a_balance_after_cannot_be_negative(entry):
    assert _refused(entry, balance_after=-1)


def _refused(entry: Entry, **change: Any) -> bool:
    """Whether the database refuses a copy of `entry` with one thing wrong; the right copy it takes."""
    row: dict[str, Any] = {
        "wallet_id": entry.wallet_id,
        "version": entry.version + 1,
        "transaction_type": "used",
        "amount": -1,
        "balance_after": 1,
        "hash": "0" * 64,
    }
    with transaction.atomic():
        Entry.objects.create(**row)
        transaction.set_rollback(True)
    try:
        with transaction.atomic():
            Entry.objects.create(**{**row, **change})
    except IntegrityError:
        return Entry.objects.filter(wallet=entry.wallet_id).count() == 3
    return False


def test_a_hold_cannot_capture_more_than_it_set_aside(entry, penora):
    made = services.hold(user=entry.wallet.user, app=penora, amount=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.filter(pk=made.pk).update(captured=6)
    made.refresh_from_db()
    assert made.captured == 0


def test_a_price_is_at_least_one_credit(penora):
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(app=penora, operation="free", credits=0, created_at=timezone.now())
    assert not Price.objects.filter(operation="free").exists()
