"""What every page does alike."""

import logging

from django.http import HttpResponse
from django.test import RequestFactory

from accounts.errors import EmailTaken
from unified.middleware import RefusalFilter, RefusalMiddleware


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
