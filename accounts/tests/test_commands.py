"""Issuing a key from the shell, and proofs of a database that has no tables."""

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts import services
from accounts.models import DEFAULT_SCOPES, ApiKey


def issue(*args: str) -> str:
    out = StringIO()
    call_command("create_api_key", *args, stdout=out)
    return out.getvalue()


def test_the_key_stands_alone_on_the_last_line_and_opens_the_door(penora):
    key = services.authenticate_key(plaintext=issue("penora").splitlines()[-1])
    assert key is not None
    assert key.app == penora
    assert tuple(key.scopes) == DEFAULT_SCOPES


def test_a_key_has_the_scopes_asked_for(penora):
    issue("penora", "--scope", "credits:grant", "--scope", "credits:read")
    assert ApiKey.objects.get().scopes == ["credits:grant", "credits:read"]


def test_an_unknown_app_is_refused_and_the_known_ones_named(penora):
    with pytest.raises(CommandError, match="The apps are: penora, imagegene"):
        issue("penorra")
    assert not ApiKey.objects.exists()


def test_an_unknown_scope_is_refused(penora):
    with pytest.raises(CommandError, match="credits:mint"):
        issue("penora", "--scope", "credits:mint")
    assert not ApiKey.objects.exists()


def test_a_third_live_key_is_refused(penora):
    issue("penora")
    issue("penora")
    with pytest.raises(CommandError, match="two live keys"):
        issue("penora")
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize("command", ["check_ledger", "check_storage", "check_audit_log"])
def test_a_database_without_tables_is_told_in_one_line(command, tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "CommandError: The database is not up to date, so nothing was checked: run `manage.py migrate` first."
    ]
