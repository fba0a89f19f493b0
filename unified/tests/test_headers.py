"""Every answer there is carries the same strict headers: pages, API, files, errors, admin, downloads, redirects."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as project
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from accounts import headers
from tests.server import gunicorn
from workspace.tests.page_cast import paint

PAGE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}
FILE = dict.fromkeys(("default-src", "form-action", "base-uri", "object-src", "frame-ancestors"), "'none'")
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def policy(answer):
    given = [part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")]
    return {part[0]: part[1] if len(part) > 1 else "" for part in given}


def assert_safe(answer, where):
    assert {name: answer.get(name) for name in FIXED} == FIXED, where
    assert "camera=()" in answer["Permissions-Policy"], where
    assert re.fullmatch(r"([a-z-]+=\(\)(, )?)+", answer["Permissions-Policy"]), where
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"]), where
    is_page = answer.get("Content-Type", "").startswith("text/html")
    found = policy(answer)
    found.pop("sandbox", None)
    assert found == (PAGE if is_page else FILE), where
    assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(answer.headers), where


def plain_routes(patterns, prefix=""):
    """The path of every route that takes no argument."""
    for pattern in patterns:
        text = prefix + str(pattern.pattern).lstrip("^").removesuffix("$").removesuffix("/?")
        if not isinstance(pattern, URLPattern):
            yield from plain_routes(pattern.url_patterns, text)
        elif not re.search(r"[<(\\^]", text):
            yield f"/{text}"


ROUTES = sorted(set(plain_routes(get_resolver().url_patterns)))
WHO = ("stranger", "person", "staff")


@pytest.fixture
def callers(alice, staff):
    found = {who: Client(raise_request_exception=False) for who in WHO}
    found["person"].force_login(alice)
    found["staff"].force_login(staff)
    return found


def test_there_are_routes_of_every_part():
    assert len(ROUTES) > 60
    for part in ("/api/unified/", "/api/docs", "/accounts/", "/admin/", "/projects/", "/healthz"):
        assert any(route.startswith(part) for route in ROUTES), part


@pytest.mark.parametrize("route", ROUTES)
def test_an_answer_to_anybody_on_any_route_carries_them(callers, route):
    for who, client in callers.items():
        for method in ("get", "post"):
            answer = getattr(client, method)(route)
            assert_safe(answer, (who, method, route, answer.status_code))
            answer.close()


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_answers_trace(callers, route):
    assert callers["stranger"].generic("TRACE", route).status_code >= 300


def test_files_and_downloads_carry_them(alice):
    client = Client()
    client.force_login(alice)
    code = paint(alice, "A picture").code
    for path in (f"project/{code}/content", f"project/{code}/thumbnail", f"project/{code}/content?download=1"):
        answer = client.get(f"/api/unified/{path}")
        assert answer.status_code == 200
        assert_safe(answer, path)
        assert "sandbox" in policy(answer)
    answer = client.post("/account/export")
    assert answer.status_code == 200
    assert_safe(answer, "export")
    answer.close()


@pytest.mark.parametrize(("name", "kind"), [("a.css", "text/css"), ("a.js", "text/javascript"), ("a.svg", "image/svg")])
def test_static_files_carry_them(db, name, kind):
    Path(project.STATIC_ROOT, name).write_text("/* */")
    answer = Client().get(f"/static/{name}")
    assert answer["Content-Type"].startswith(kind)
    assert_safe(answer, name)
    answer.close()
    assert_safe(Client().get("/static/nothing.css"), "no such file")


ERRORS = {
    "unknown page": ({"path": "/nothing"}, 404),
    "unknown call": ({"path": "/api/unified/nothing"}, 404),
    "wrong host": ({"path": "/accounts/login/", "headers": {"Host": "evil.example"}}, 400),
    "wrong host, API": ({"path": "/api/unified/user-info", "headers": {"Host": "evil.example"}}, 400),
    "no key": ({"path": "/api/unified/user-info"}, 401),
    "redirect": ({"path": "/projects/"}, 302),
    "slash": ({"path": "/projects"}, 301),
    "used link": ({"path": "/accounts/link/nothing"}, 410),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_and_redirects_carry_them(db, name):
    request, status = ERRORS[name]
    answer = Client().get(**request)
    assert answer.status_code == status
    assert_safe(answer, name)


def test_a_page_that_has_not_changed_keeps_the_policy_it_came_with(db):
    first = Client().get("/apps.css")
    again = Client().get("/apps.css", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert "Content-Security-Policy" not in again
    assert again["X-Content-Type-Options"] == "nosniff"


def test_a_forged_form_is_refused_with_them(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post("/account/")
    assert answer.status_code == 403
    assert_safe(answer, "csrf")


@pytest.mark.parametrize("path", ["/", "/api/unified/user-info", "/admin/"])
def test_a_bug_is_answered_with_them_and_says_nothing(alice, staff, monkeypatch, path):
    def broken(*args, **kwargs):
        raise RuntimeError("the secret inside")

    client = Client(raise_request_exception=False)
    client.force_login(staff)
    monkeypatch.setattr("unified.views.feed.reached", broken)
    monkeypatch.setattr("credits.services.wallet_of", broken)
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.get_app_list", broken)
    answer = client.get(path)
    assert answer.status_code == 500
    assert b"the secret inside" not in answer.content
    assert b"Traceback" not in answer.content
    assert_safe(answer, path)


def test_a_view_s_own_policy_is_kept():
    own = {"Content-Security-Policy": headers.page_policy(form_action="https://app.example")}
    made = headers.SafeHeadersMiddleware(lambda _: HttpResponse(headers=own))(None)
    assert policy(made) == {**PAGE, "form-action": "'self' https://app.example"}


# With TLS.


@pytest.fixture
def over_tls(settings):
    """The settings that PUBLIC_URL=https://… makes, as another process reads them."""
    code = (
        "import json; from unified import settings as s; "
        "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.startswith(('SECURE_', 'SESSION_COOKIE', 'CSRF_'))}))"
    )
    environment = {**os.environ, "PUBLIC_URL": "https://testserver"}
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=project.BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    for name, value in json.loads(made.stdout).items():
        setattr(settings, name, tuple(value) if name == "SECURE_PROXY_SSL_HEADER" else value)
    return {"HTTP_X_FORWARDED_PROTO": "https"}


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/unified/user-info", "/static/nothing", "/admin/login/"])
def test_every_answer_asks_for_tls_from_now_on(db, over_tls, path):
    answer = Client(**over_tls).get(path)
    assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert_safe(answer, path)


def test_cookies_are_for_this_host_over_tls_and_not_for_scripts(alice, over_tls):
    alice.set_password("correct horse battery")
    alice.save()
    client = Client(enforce_csrf_checks=True, **over_tls)
    form = client.get("/accounts/login/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.content.decode())[0]
    fields = {"login": "alice@example.com", "password": "correct horse battery", "csrfmiddlewaretoken": token}
    answer = client.post("/accounts/login/", fields, headers={"Referer": "https://testserver/accounts/login/"})
    assert answer.status_code == 302
    cookies = {**form.cookies, **answer.cookies}
    assert {"__Host-sessionid", "__Host-csrftoken"} <= set(cookies)
    for name, cookie in cookies.items():
        assert (bool(cookie["secure"]), cookie["path"], cookie["domain"]) == (True, "/", ""), name
        assert cookie["samesite"] == "Lax", name
    assert cookies["__Host-sessionid"]["httponly"]


def test_a_page_without_tls_leads_to_it_and_a_call_is_refused(db, over_tls):
    assert Client().get("/accounts/login/")["Location"] == "https://testserver/accounts/login/"
    answer = Client().get("/api/unified/user-info", headers={"Authorization": "Bearer unk_readable"})
    assert (answer.status_code, answer.json()["code"]) == (403, "tls_required")
    assert Client().get("/healthz").status_code == 200


# From the real server.


@pytest.mark.django_db(transaction=True)
def test_the_server_names_no_product_and_refuses_what_is_no_request_with_them_too():
    with gunicorn() as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/api/unified/user-info")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.headers["Server"] == "unified"
        assert "gunicorn" not in str(answer.headers).lower()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            raw.sendall(b"GET / HTTP/9.9\r\n\r\n")
            said = raw.makefile("rb").read().decode()
    assert said.startswith("HTTP/1.1 4")
    for name, value in {**headers.SAFE_HEADERS, "Content-Security-Policy": headers.FILE_POLICY}.items():
        assert f"{name}: {value}\r\n" in said
