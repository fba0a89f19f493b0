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
        ("STORAGE_URL", "https://key:hidden@s3.example.com/bucket"),
        ("STORAGE_URL", "s3://s3.example.com/bucket"),
        ("STORAGE_URL", "s3://key@s3.example.com/bucket"),
        ("STORAGE_URL", "s3://key:hidden@/bucket"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/bucket/folder"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/Bucket"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com:99999/bucket"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com:port/bucket"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/bucket?tls=no"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/bucket?zone=eu"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/bucket?region"),
        ("STORAGE_URL", "s3://key:hidden@s3.example.com/bucket#x"),
        ("STORAGE_URL", "s3://key:hid/den@s3.example.com/bucket"),
        ("RATE_LIMITS", "key=many"),
        ("RATE_LIMITS", "keys=5/60"),
        ("TRUSTED_PROXIES", "one"),
        ("METRICS_TOKEN", "hidden-but-too-short"),
        ("METRICS_TOKEN", "hidden but with spaces, and long enough by far"),
        ("ALLOWED_HOSTS", "a.example b.example"),
    ],
)
def test_refuses_a_wrong_setting_and_names_it(name, value):
    result = start_with(**{name: value})
    assert result.returncode != 0
    assert "ImproperlyConfigured" in result.stderr.splitlines()[-1]
    assert name in result.stderr.splitlines()[-1]
    assert "hid" not in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(("version", "starts"), [((3, 34, 1), False), ((3, 35, 0), True)])
def test_a_sqlite_that_lacks_what_the_ledger_needs_is_refused(version, starts):
    code = f"import sqlite3; sqlite3.sqlite_version_info = {version}; import unified.settings"
    environment = {**os.environ, "DATABASE_URL": "sqlite:///unified.sqlite3"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode == 0) == starts
    assert starts or "3.35 or newer" in result.stderr.splitlines()[-1]


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


def test_reads_where_pictures_go():
    url = "s3://us%40er:se%2Fcret@s3.example.com:9000/my-bucket?region=eu-central-1&tls=0"
    code = (
        "from unified import settings as s; o = s.STORAGES['content']['OPTIONS']; "
        "names = 'access_key secret_key endpoint_url bucket_name region_name default_acl'.split(); "
        "print(*(o[name] for name in names))"
    )
    environment = {**os.environ, "STORAGE_URL": url}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [
        "us@er",
        "se/cret",
        "http://s3.example.com:9000",
        "my-bucket",
        "eu-central-1",
        "None",
    ]
