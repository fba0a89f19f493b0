"""Issuing a key from the shell."""

from io import StringIO

import pytest
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
