"""How many statements a paid write takes: so many and no more, whatever its person has been through."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Grant, Source, Wallet
from credits.tests.long_history import charge_often
from workspace import services as workspace

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/unified"
TEXT = {"app_source": "penora", "project_type": "text", "title": "Night", "content": "Nobody sleeps."}
NEXT = "; (?=(?:BEGIN|SELECT|INSERT|UPDATE|WITH|EXECUTE) )"
ENDS = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT"}

Act = Callable[[], Any]


class Counted(CaptureQueriesContext):
    """What was asked of the database: statements, and the messages they went in; BEGIN and COMMIT are of neither."""

    def __init__(self) -> None:
        super().__init__(connection)

    def figures(self) -> tuple[int, int]:
        messages = [message for message in (query["sql"] for query in self) if message not in ENDS]
        statements = [one for message in messages for one in re.split(NEXT, message) if one not in ENDS]
        return len(statements), len(messages)


def post(api: APIClient, user: User, path: str, key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = api.post(f"{API}/{path}", {"user_id": user.user_id, **body}, format="json", headers=headers)
    assert answer.status_code in {200, 201}, answer.content
    return answer.json()


def _charge(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    return lambda: credits.charge(user=user, app=app, amount=2, description="Pages")


def _charge_over_http(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    return lambda: post(api, user, "deduct-credits", app_name="penora", amount=2)


def _charge_with_a_key(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    return lambda: post(api, user, "deduct-credits", key, app_name="penora", amount=2)


def _hold(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    return lambda: post(api, user, "holds", app_name="penora", amount=2, storage_bytes=100)


def _capture(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    held = credits.hold(user=user, app=app, amount=3)
    return lambda: post(api, user, f"hold/{held.id}/capture", amount=2)


def _refund(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    charged = credits.charge(user=user, app=app, amount=3)
    return lambda: post(api, user, f"transaction/{charged.id}/refund", amount=2, reason="Blank")


def _paid_save(user: User, app: ClientApp, api: APIClient, key: str) -> Act:
    return lambda: post(api, user, "save-project", key, **TEXT, charge={"amount": 2})


# Statements on either database, and the messages to PostgreSQL that carry them.
PINNED = {
    _charge: (7, 2),
    _charge_over_http: (10, 5),
    _charge_with_a_key: (15, 10),
    _hold: (17, 11),
    _capture: (15, 7),
    _refund: (16, 11),
    _paid_save: (41, 35),
}
# PostgreSQL is asked for a lock across processes where SQLite has one writer anyway.
LOCKING = {_charge_with_a_key, _paid_save}


def lengthen(user: User, app: ClientApp, entries: int, grants: int) -> None:
    """Give the person a past: charges, and grants of which nothing is left."""
    charge_often(user, app, entries, since=timezone.now())
    wallet = Wallet.objects.get(pk=user.pk)
    Grant.objects.bulk_create(
        Grant(wallet=wallet, source=Source.BONUS, rank=0, amount=1, remaining=0) for _ in range(grants)
    )


@pytest.mark.parametrize("prepare", PINNED, ids=lambda prepare: prepare.__name__.strip("_"))
def test_a_write_takes_its_statements_and_no_more_after_ten_charges_or_thousands(
    alice: User, bob: User, penora: ClientApp, penora_api: APIClient, prepare: Any
) -> None:
    found = []
    for user, length in ((alice, 10), (bob, 3_000)):
        credits.wallet_of(user=user)
        workspace.workspace_of(user=user)
        lengthen(user, penora, entries=length, grants=length)
        # Once before it counts: a connection prepares what it has not run yet, and a key notes when it was used.
        prepare(user, penora, penora_api, f"first-{user.pk}")()
        act = prepare(user, penora, penora_api, f"second-{user.pk}")
        with Counted() as counted:
            act()
        found.append(counted.figures())
    statements, messages = PINNED[prepare]
    if connection.vendor == "sqlite":
        messages = statements
    elif prepare in LOCKING:
        statements, messages = statements + 1, messages + 1
    assert found == [(statements, messages)] * 2


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite takes statements one by one")
def test_the_last_message_of_a_charge_commits_it(alice: User, penora: ClientApp) -> None:
    credits.wallet_of(user=alice)
    with CaptureQueriesContext(connection) as asked:
        credits.charge(user=alice, app=penora, amount=2)
    messages = [query["sql"] for query in asked if query["sql"] not in ENDS]
    assert messages[-1].endswith("; COMMIT")


def test_a_charge_within_a_larger_transaction_is_committed_by_that_alone(alice: User, penora: ClientApp) -> None:
    before = credits.wallet_of(user=alice).balance
    with transaction.atomic():
        credits.charge(user=alice, app=penora, amount=2)
        transaction.set_rollback(True)
    assert credits.wallet_of(user=alice).balance == before
