"""check_ledger as an operator runs it: a process of its own, through a role that the wall in the database holds."""

import os
import secrets
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from accounts import append_only
from credits import services
from tests.server import database_url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plain_url(db):
    """The test database through a role that is no superuser: the tests' own, or one that may just read."""
    url = database_url()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            yield url
            return
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            yield url
            return
        role = f"reader_{secrets.token_hex(4)}"
        cursor.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD '{role}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        )
        place = urlsplit(url)
        try:
            yield place._replace(netloc=f"{role}:{role}@{place.netloc.rpartition('@')[2]}").geturl()
        finally:
            cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def check_ledger(url):
    command = [sys.executable, "manage.py", "check_ledger"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "unified.settings", "DATABASE_URL": url}
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def test_a_fresh_process_sees_everybodys_books_and_finds_them_right(alice, bob, penora, plain_url):
    for user in (alice, bob):
        services.charge(user=user, app=penora, amount=5)
    assert check_ledger(plain_url) == (0, "2 wallets, 6 entries, 0 faults.\n", "")


def test_a_fresh_process_finds_a_fault_and_ends_with_1(alice, bob, penora, plain_url):
    entry = services.charge(user=bob, app=penora, amount=5)
    append_only.remove()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credits_entry SET description = 'x' WHERE id = %s", [entry.id])
    append_only.install()
    status, said, _ = check_ledger(plain_url)
    assert (status, f"entry {entry.id} of bob: hash does not fit" in said) == (1, True)
