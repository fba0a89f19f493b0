"""Wrong settings stop the start with a sentence that names them."""

import os
import subprocess
import sys

import pytest
from django.conf import settings


def start_with(**changes):
    environment = {**os.environ, **changes}
    command = [sys.executable, "-c", "import unified.settings"]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("DEBUG", "flase"),
        ("DEMO", "maybe"),
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "٨٠"),
        ("DATABASE_URL", "mysql://localhost/unified"),
        ("DATABASE_URL", "unified.sqlite3"),
        ("REDIS_URL", "http://localhost"),
        ("PUBLIC_URL", "unified.example"),
        ("PUBLIC_URL", "ftp://unified.example"),
        ("PUBLIC_URL", "https://unified.example/path"),
        ("ALLOWED_HOSTS", "a.example,,b.example"),
        ("EMAIL_URL", "carrier-pigeon://loft"),
        ("ALLOWED_HOSTS", "a.example b.example"),
    ],
)
def test_refuses_a_wrong_setting_and_names_it(name, value):
    result = start_with(**{name: value})
    assert result.returncode != 0
    assert "ImproperlyConfigured" in result.stderr.splitlines()[-1]
    assert name in result.stderr.splitlines()[-1]


def test_starts_with_the_settings_of_the_tests():
    assert start_with().returncode == 0


def test_turns_every_transport_protection_on_behind_https():
    code = (
        "from unified import settings as s; "
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS)"
    )
    environment = {**os.environ, "PUBLIC_URL": "https://unified.example"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "True", "True", "31536000"]
