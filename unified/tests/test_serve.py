"""The main job, as a person does it: start the product, let two apps work over HTTP, sign in."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from unified.management.commands import serve

pytestmark = pytest.mark.serve

START_SECONDS = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _named(url, database):
    return re.sub(r"/[^/?]*(\?|$)", rf"/{database}\1", url)


@pytest.fixture
def database_url(tmp_path):
    """An empty database of its own on the server under test."""
    given = os.environ["DATABASE_URL"]
    if given.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'unified.sqlite3'}"
        return
    name = f"unified_serve_{secrets.token_hex(4)}"
    with psycopg.connect(_named(given, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield _named(given, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def environment(database_url, tmp_path):
    port = free_port()
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path),
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DEMO": "1",
    }


@contextmanager
def serving(environment, until):
    """`manage.py serve` in a process group of its own, once its output says `until`."""
    command = [sys.executable, "-u", "manage.py", "serve"]
    process = subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    printed: list[str] = []
    reader = threading.Thread(target=lambda: printed.extend(process.stdout), daemon=True)
    reader.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while until not in "".join(printed):
            assert process.poll() is None, "".join(printed)
            assert time.monotonic() < deadline, "".join(printed)
            time.sleep(0.1)
        yield process, printed
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(timeout=10)
        process.stdout.close()


def call(environment, key, method, path, body=None, idempotency_key=""):
    request = urllib.request.Request(
        f"{environment['PUBLIC_URL']}/api/unified/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            **({"Idempotency-Key": idempotency_key} if idempotency_key else {}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def manage(environment, *arguments):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)


def browser(environment, email, password):
    """A signed-in browser without JavaScript."""
    base = environment["PUBLIC_URL"]
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = opener.open(f"{base}/accounts/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form).group(1)
    data = urllib.parse.urlencode({"login": email, "password": password, "csrfmiddlewaretoken": token}).encode()
    opener.open(urllib.request.Request(f"{base}/accounts/login/", data=data, headers={"Referer": base}))
    return lambda path: opener.open(base + path).read().decode()


def test_a_first_start_ends_with_a_person_seeing_both_apps_work_merged_and_a_second_makes_nothing_again(environment):
    with serving(environment, until="demo@example.com / ") as (process, printed):
        output = "".join(printed)
        password = re.search(r"demo@example.com / (\S+)", output).group(1)
        key = re.search(r"penora key +(\S+)", output).group(1)
        # What was logged while keys were made comes behind the block that shows them.
        shown, _, logged = output.partition("demo@example.com / ")
        assert shown.startswith("\nUnified is at ")
        assert "accounts.audit" not in shown
        deadline = time.monotonic() + 10
        while "key.issued" not in logged and time.monotonic() < deadline:
            time.sleep(0.1)
            logged = "".join(printed).partition("demo@example.com / ")[2]
        assert "audit entry 1: staff.created" in logged
        assert "key.issued" in logged
        status, listed = call(environment, key, "GET", "projects?user_id=demo&limit=100")
        assert status == 200
        assert listed["counts"]["penora"] > 0
        assert listed["counts"]["imagegene"] > 0
        _, person = call(environment, key, "GET", "user-info?user_id=demo")
        _, history = call(environment, key, "GET", "transactions?user_id=demo&limit=100")
        assert person["credits"] == 60 - history["summary"]["used"] < 60
        assert person["storage_used_bytes"] == sum(item["file_size_bytes"] for item in listed["all_projects"])

        see = browser(environment, "demo@example.com", password)
        home, projects = see("/"), see("/projects/")
        assert re.search(rf">\s*{person['credits']}\s*<", home)
        for app in ("penora", "imagegene"):
            newest = listed[f"{app}_projects"][0]
            assert newest["project_code"] in projects

        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(environment["PORT"]))) != 0

    with serving(environment, until="Unified is at") as (_, printed):
        time.sleep(1)
        assert "unk_" not in "".join(printed)
        assert "password" not in "".join(printed).lower()
    assert "0 projects made" in manage(environment, "seed_demo").stdout


def test_static_files_are_collected_anew_when_debug_is_turned_off(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    for backend in (
        "django.contrib.staticfiles.storage.StaticFilesStorage",
        "whitenoise.storage.CompressedManifestStaticFilesStorage",
    ):
        settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
        serve._collect_static()
    assert (tmp_path / "staticfiles.json").exists()
