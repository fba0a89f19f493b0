"""The bare SQL writes what a charge writes, or the comparison would be with something else."""

import pytest
from django.db import connection, transaction

from accounts.models import Event
from benchmarks import people, raw_sql
from credits import services
from credits.models import Allocation, Entry, Grant, Wallet

# Only PostgreSQL writes inside a WITH.
WAYS = [raw_sql.five_statements, *([raw_sql.one_statement] if connection.vendor == "postgresql" else [])]


@transaction.atomic
def run(statements, variables):
    with connection.cursor() as cursor:
        for text in raw_sql.with_named_parameters(statements):
            cursor.execute(text, variables)
            if "RETURNING" in text and cursor.description:
                row = cursor.fetchone()
                variables |= dict(zip([column[0] for column in cursor.description], row, strict=True))


@pytest.mark.django_db
@pytest.mark.parametrize("ways", WAYS)
def test_bare_sql_leaves_the_rows_of_a_charge(ways):
    user = people.rich("raw")
    services.charge(user=user, app=people.app(), amount=1, description="A page")
    like = rows_of_last_charge(user)
    run(ways(), {"wallet": user.pk, "app": people.app().pk})
    assert rows_of_last_charge(user) == like | {"version": like["version"] + 1, "balance": like["balance"] - 1}
    assert Entry.objects.owned_by(user).count() == like["version"] + 1


def rows_of_last_charge(user):
    wallet, entry = Wallet.objects.get(pk=user.pk), Entry.objects.owned_by(user).order_by("version").last()
    (part,) = Allocation.objects.filter(entry=entry)
    assert wallet.version == entry.version
    assert (
        wallet.balance == entry.balance_after == sum(grant.remaining for grant in Grant.objects.filter(wallet=wallet))
    )
    return {
        "version": entry.version,
        "balance": entry.balance_after,
        "said": (entry.app_name, entry.transaction_type, entry.amount, entry.description, entry.project_code),
        "part": (part.grant_id, part.amount),
        "fact": user_facts(user),
    }


def user_facts(user):
    event = Event.objects.filter(user=user).latest("id")
    return event.type, sorted(event.data)
