"""What every page does alike."""

import http.client
import io
import json
import logging
import re
import socket

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from PIL import Image

from accounts import logos, services
from accounts.errors import EmailTaken
from accounts.models import Connection
from unified import gunicorn_hooks
from unified.middleware import RefusalFilter, RefusalMiddleware
from workspace.tests.page_cast import write


def test_adds_the_slash_a_person_forgot(client, alice):
    client.force_login(alice)
    assert client.get("/projects")["Location"] == "/projects/"


def test_leaves_an_api_path_alone(client, db):
    assert client.post("/api/unified/nothing").status_code == 404
    assert client.post("/api/unified/deduct-credits").status_code == 401
    assert client.post("/api/unified/deduct-credits/").status_code == 401


def test_shows_a_person_the_sentence_of_a_broken_rule(rf: RequestFactory, alice):
    request = rf.post("/account/")
    request.user = alice
    error = EmailTaken("That address is <taken>.")
    response = RefusalMiddleware(lambda _: HttpResponse()).process_exception(request, error)
    assert response.status_code == 409
    assert "That address is &lt;taken&gt;." in response.content.decode()


def test_leaves_a_bug_to_the_server_error_page(rf: RequestFactory):
    assert RefusalMiddleware(lambda _: HttpResponse()).process_exception(rf.get("/"), KeyError("x")) is None


def test_logs_what_is_broken_and_not_what_is_refused():
    def passes(**extra):
        return RefusalFilter().filter(logging.makeLogRecord(extra))

    assert passes() is True
    assert passes(status_code=500) is True
    assert passes(status_code=503) is True
    assert passes(status_code=507) is False
    assert passes(status_code=402) is False


def test_apps_neither_reach_nor_change_staff(penora_api, staff):
    body = {"user_id": staff.user_id, "username": "Mallory", "email": "mallory@example.com"}
    assert penora_api.post("/api/unified/create-user", body, format="json").json()["code"] == "app_not_connected"
    assert penora_api.get(f"/api/unified/user-info?user_id={staff.user_id}").json()["code"] == "user_not_found"
    staff.refresh_from_db()
    assert staff.email != "mallory@example.com"


def test_an_app_of_others_changes_nobodys_address(alice, stranger_app):
    before = alice.email
    user, created = services.register(user_id="alice", username="M", email="mallory@example.com", app=stranger_app)
    assert (user.pk, created) == (alice.pk, False)
    alice.refresh_from_db()
    assert alice.email == before


def test_refuses_parameters_where_nobody_would_hear_them(penora_api, alice):
    charge = {"user_id": "alice", "amount": 1, "app_name": "penora", "description": "x"}
    answer = penora_api.post("/api/unified/deduct-credits?user_id=bob", charge, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "user_id")
    answer = penora_api.delete("/api/unified/project/ABCDEF?user_id=alice", {"user_id": "bob"}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "user_id")


def test_answers_options_and_the_bare_prefix_with_problems(penora_api, client):
    assert penora_api.options("/api/unified/user-info").json()["code"] == "method_not_allowed"
    assert client.get("/api")["Content-Type"] == "application/problem+json"


def test_sends_bytes_to_whoever_accepts_their_type(penora_api, alice):
    missing = penora_api.get("/api/unified/project/ABCDEF/content?user_id=alice", HTTP_ACCEPT="image/webp")
    assert (missing.status_code, missing.json()["code"]) == (404, "project_not_found")


def test_sends_no_body_to_head(live_server):
    connection = http.client.HTTPConnection(live_server.thread.host, live_server.thread.port)
    connection.request("HEAD", "/healthz")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_refuses_in_the_servers_own_words_without_html():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        gunicorn_hooks.write_problem(ours, 414, "URI Too Long", "<b>what was sent</b>")
        head, _, body = theirs.recv(4096).partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 414
    assert b"what was sent" not in body


@pytest.mark.parametrize("number", ["1" + "0" * 30, "1e400", "NaN", "9" * 5000])
def test_names_the_field_of_a_number_that_cannot_be_carried(penora_api, alice, number):
    body = f'{{"user_id":"alice","amount":{number},"app_name":"penora","description":"x"}}'
    answer = penora_api.post("/api/unified/deduct-credits", body, content_type="application/json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["amount"]


def test_names_the_field_that_carried_a_broken_picture(penora_api, alice):
    body = {"user_id": "alice", "app_source": "penora", "project_type": "image", "title": "x", "content": "not base64!"}
    answer = penora_api.post("/api/unified/save-project", body, format="json")
    assert answer.json()["code"] == "invalid_image"
    assert [error["field"] for error in answer.json()["errors"]] == ["content"]


@pytest.mark.parametrize(
    "path", ["/", "/projects/", "/projects/?view=list", "/storage/", "/credits/", "/account/", "/admin/"]
)
def test_shows_an_apps_own_logo_wherever_it_is_named(client, staff, penora, path):
    drawn = io.BytesIO()
    Image.new("RGB", (128, 128), "teal").save(drawn, "WEBP")
    logos.set_logo(app=penora, drawn=drawn.getvalue())
    write(staff, "A text", charge={"amount": 2})
    Connection.objects.create(user=staff, app=penora)
    client.force_login(staff)
    page = client.get(path).content.decode()
    assert f"/apps/penora/logo?v={penora.logo_version}" in page
    # Besides chips and tags, the legends: not one swatch of the app stands without its logo.
    swatches = re.findall(r'<svg class="swatch app app-penora".*?</svg>\s*(<img)?', page)
    assert set(swatches) <= {"<img"}
    assert '<span class="mark app app-penora' not in page
