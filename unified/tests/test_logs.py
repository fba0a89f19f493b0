"""Logs say who did what in which request, and nothing that opens a door, whatever goes wrong."""

import io
import logging
import re
import time
import urllib.request
from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as project
from django.core import mail
from django.test import Client
from django.utils.log import configure_logging

from accounts import factors, login_links, services
from accounts.models import AuditEntry, User
from accounts.redaction import redact
from accounts.tests.cast import client_of
from accounts.tests.sign_in_cast import PASSWORD, app_code, claimed, confirm, mailed_code, sign_in
from tests.server import gunicorn
from unified.logs import LineFormatter
from unified.middleware import RequestIdFilter

API = "/api/unified"
WRONG_PASSWORD = "not this horse but another"
NEW_PASSWORD = "a horse of another battery"
WRONG_KEY = "unk_abcdefgh_" + "0123456789abcdef" * 4


@pytest.fixture
def lines():
    """Everything that any logger says from DEBUG on, as the console shows it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    handler.addFilter(RequestIdFilter())
    names = ["", *(name for name in logging.root.manager.loggerDict if name.split(".")[0] in OURS)]
    before = {}
    for name in names:
        logger = logging.getLogger(name)
        before[name] = logger.level, logger.propagate, list(logger.filters)
        logger.setLevel(logging.DEBUG)
        logger.propagate = True
        # Refusals, which we do not write, too.
        logger.filters.clear()
    logging.root.addHandler(handler)
    yield stream.getvalue
    logging.root.removeHandler(handler)
    for name, (level, propagate, filters) in before.items():
        logger = logging.getLogger(name)
        logger.level, logger.propagate, logger.filters = level, propagate, filters
    configure_logging(project.LOGGING_CONFIG, project.LOGGING)


OURS = ("accounts", "credits", "workspace", "unified", "django", "allauth", "PIL", "redis", "gunicorn")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("uncounted")
def test_a_whole_life_leaves_no_secret_in_any_log_line(lines, alice, penora, monkeypatch):
    secrets = _a_life(alice, penora, monkeypatch)
    said = lines()
    assert len(said.splitlines()) > 20
    assert len(secrets) > 20
    assert "Traceback" in said
    assert [secret for secret in secrets if secret in said] == []


def _a_life(alice, penora, monkeypatch):
    """Sign up, sign in, be refused, come through links and codes, call, and break the server; the secrets used."""
    browser = Client(raise_request_exception=False)
    secrets = {PASSWORD, WRONG_PASSWORD, NEW_PASSWORD, WRONG_KEY}

    def keep(*found):
        secrets.update(found)
        secrets.update(cookie.value for cookie in browser.cookies.values() if len(cookie.value) > 12)

    browser.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})
    keep(mailed_code())
    browser.post("/accounts/signup/code/", {"code": mailed_code()})
    keep()
    assert User.objects.filter(email="new@example.com").exists()
    browser.post("/accounts/logout/")

    sign_in(browser, claimed(alice), WRONG_PASSWORD)
    sign_in(browser, alice)
    keep()
    confirm(browser)
    setup = browser.get("/accounts/2fa/totp/activate/").context["form"].secret
    browser.post("/accounts/2fa/totp/activate/", {"code": app_code(setup, time.time())})
    keep(setup, app_code(setup, time.time()))
    keep(*Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes())
    browser.post("/accounts/logout/")

    browser.post("/accounts/password/reset/", {"email": alice.email})
    keep(mailed_code())
    browser.post("/accounts/password/reset/confirm/", {"code": mailed_code()})
    browser.post("/accounts/password/reset/complete/", {"password1": NEW_PASSWORD})
    browser.post("/accounts/login/code/", {"email": alice.email})
    keep(mailed_code())

    _, url = login_links.issue(user=alice, app=penora)
    path = url.removeprefix(project.PUBLIC_URL)
    keep(path.rsplit("/", 1)[1])
    assert browser.get(path).status_code == 302
    assert browser.get(path).status_code == 410
    assert browser.post(path).status_code == 405
    keep()

    key, plaintext = services.create_api_key(app=penora)
    keep(plaintext, plaintext.rsplit("_", 1)[1])
    for sent in (plaintext, WRONG_KEY, plaintext[:-1], plaintext.upper()):
        client_of(sent).get(f"{API}/user-info", {"user_id": "alice", "key": sent})
    services.revoke_api_key(key=key)
    client_of(plaintext).get(f"{API}/user-info", {"user_id": "alice"})

    def broken(**_):
        raise RuntimeError(f"Bearer {plaintext} came by {path}, sessionid={browser.cookies['sessionid'].value}")

    monkeypatch.setattr("credits.services.wallet_of", broken)
    monkeypatch.setattr("accounts.login_links.redeem", broken)
    other, _ = services.create_api_key(app=penora)[1], None
    assert client_of(other).get(f"{API}/user-info", {"user_id": "alice"}).status_code == 500
    assert browser.get(path).status_code == 500
    assert browser.get(f"/accounts/confirm-email/{other}/").status_code in (404, 302, 200, 410)
    keep(other, other.rsplit("_", 1)[1])
    assert len(mail.outbox) >= 3
    return secrets


@pytest.mark.django_db(transaction=True)
@pytest.mark.serve
def test_the_server_s_own_lines_of_requests_have_none_either(alice, penora, tmp_path):
    token = login_links.issue(user=alice, app=penora)[1].rsplit("/", 1)[1]
    plaintext = services.create_api_key(app=penora)[1]
    log = tmp_path / "log"
    arguments = ["--access-logfile", "-", "--log-level", "debug"]
    everything = "%(r)s %(U)s %(q)s %(f)s %(a)s %({authorization}i)s %({cookie}i)s %({raw_uri}e)s [%({x-request-id}o)s]"
    with log.open("wb") as output, gunicorn(*arguments, "--access-logformat", everything, output=output) as (_, port):
        for path in (f"/accounts/link/{token}", f"/healthz?token={token}&access_token={plaintext}", "/nothing"):
            sent = {
                "Authorization": f"Bearer {plaintext}",
                "Cookie": f"sessionid={token}",
                "Referer": f"http://127.0.0.1/accounts/link/{token}",
                "X-Request-ID": "of-this-test",
            }
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=sent)
            try:
                urllib.request.urlopen(request, timeout=30).close()
            except urllib.error.HTTPError as refused:
                refused.close()
    said = log.read_text()
    assert "/accounts/link/[hidden]" in said
    assert "Bearer [hidden]" in said
    assert "[of-this-test]" in said
    assert token not in said
    assert plaintext.rsplit("_", 1)[1] not in said


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"key {WRONG_KEY}.", "key unk_abcdefgh_[hidden]."),
        ("GET /accounts/link/Abc-_9 HTTP/1.1", "GET /accounts/link/[hidden] HTTP/1.1"),
        ("/accounts/password/reset/key/1-abc-def/", "/accounts/password/reset/key/[hidden]/"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [hidden]"),
        ("sessionid=abc; __Host-csrftoken=def", "sessionid=[hidden]; __Host-csrftoken=[hidden]"),
        ("?code=abc&state=x", "?code=[hidden]&state=x"),
        ("{'password': 'a b c'}", "{'password': '[hidden]'}"),
        ('{"client_secret": "abc"}', '{"client_secret": "[hidden]"}'),
        ("project_code=ABC234", "project_code=ABC234"),
        ("nothing here", "nothing here"),
    ],
)
def test_takes_out_what_opens_a_door_and_leaves_the_rest(said, left):
    assert redact(said) == left


def test_redacting_takes_no_longer_for_texts_made_to_be_slow():
    began = time.perf_counter()
    for text in ("unk_" * 50_000, "Bearer " * 50_000, "password" * 50_000, "token=" * 50_000, " " * 200_000):
        redact(text)
    assert time.perf_counter() - began < 2


def test_a_line_break_makes_no_second_line(lines):
    logging.getLogger("unified").warning("refused %s", "alice\n2030-01-01 INFO unified [-] all is well\x1b[2J\u2028")
    (line,) = lines().splitlines()
    assert line.endswith(r"refused alice\x0a2030-01-01 INFO unified [-] all is well\x1b[2J\x2028")


def test_every_line_of_a_request_has_its_id(lines, alice, penora_api):
    lines()
    before = len(lines())
    Client().post(
        "/accounts/login/", {"login": "alice@example.com", "password": "x"}, headers={"X-Request-ID": "abc-1"}
    )
    penora_api.get(f"{API}/user-info", {"user_id": "alice"}, headers={"X-Request-ID": "abc-1"})
    Client().get(f"{API}/user-info", headers={"X-Request-ID": "abc-1"})
    # What a traceback adds has no beginning of its own.
    said = [line for line in lines()[before:].splitlines() if re.match(r"\d{4}-\d\d-\d\d", line)]
    assert len(said) >= 2
    assert [line for line in said if "[abc-1]" not in line] == []
    hour = f"{datetime.now(UTC):%Y-%m-%dT%H:}"
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in said)
    assert said[-1].startswith(hour) or datetime.now(UTC).minute == 0


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "abc\x7f", "<script>", "unk_é"])
def test_an_id_that_is_none_is_replaced(client, sent):
    assert re.fullmatch(r"[0-9a-f]{32}", client.get("/healthz", headers={"X-Request-ID": sent})["X-Request-ID"])


def test_a_good_id_is_kept(client):
    assert client.get("/healthz", headers={"X-Request-ID": "Ab.c_1-2"})["X-Request-ID"] == "Ab.c_1-2"


def test_whoever_is_not_let_in_is_in_the_log(lines, db, penora_api, client):
    client.get(f"{API}/user-info", REMOTE_ADDR="192.0.2.9")
    penora_api.get(f"{API}/user-info", {"user_id": "nobody"})
    assert f"refused with 401: GET {API}/user-info from 192.0.2.9, no key" in lines()
    key = services.ApiKey.objects.get()
    services.ApiKey.objects.update(scopes=["events:read"])
    penora_api.get(f"{API}/user-info", {"user_id": "nobody"})
    assert f"refused with 403: GET {API}/user-info from 127.0.0.1, {key}" in lines()


@pytest.mark.usefixtures("uncounted")
def test_signing_in_and_failing_to_are_in_the_log(lines, alice):
    claimed(alice)
    sign_in(Client(), alice, WRONG_PASSWORD)
    sign_in(Client(), alice)
    Client().post("/accounts/login/", {"login": "nobody@example.com", "password": WRONG_PASSWORD})
    said = lines()
    assert "sign-in refused for alice from 127.0.0.1" in said
    assert "alice signed in from 127.0.0.1" in said
    assert "sign-in refused for nobody we know from 127.0.0.1" in said


@pytest.mark.usefixtures("uncounted")
def test_what_staff_sign_in_with_is_audited_when_it_changes(lines, staff):
    browser = Client()
    sign_in(browser, claimed(staff))
    confirm(browser)
    change = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    browser.post("/accounts/password/change/", change)
    factors.set_up_app(staff)
    assert AuditEntry.objects.filter(action="staff.password_changed", actor=staff).count() == 1
    assert "staff: password_changed, from 127.0.0.1" in lines()
