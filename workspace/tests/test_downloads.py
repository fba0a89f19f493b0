"""Downloads in the browser: one's own things only, a few at a time."""

import io
import zipfile

import pytest
from django.test import Client

from accounts.models import ClientApp, User
from workspace import downloads, services
from workspace.tests.cast import save

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def zip_in(answer) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def test_the_account_page_exports_everything(alice: User, penora: ClientApp, browser: Client) -> None:
    save(alice, penora, title="Mine")
    assert 'action="/account/export"' in browser.get("/account/").content.decode()
    answer = browser.post("/account/export")
    assert answer["Content-Type"] == "application/zip"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Disposition"].startswith('attachment; filename="unified-export-alice-20')
    assert b"Mine" in zip_in(answer).read("projects.json")


def test_an_export_is_asked_for_by_its_owner_from_our_own_page(alice: User, browser: Client) -> None:
    assert Client().post("/account/export").status_code == 302
    assert browser.get("/account/export").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post("/account/export").status_code == 403


def test_selected_projects_come_as_files_that_open(alice: User, penora: ClientApp, browser: Client) -> None:
    first, second = save(alice, penora, 10, title="One").project, save(alice, penora, 20, title="Two").project
    services.trash(user=alice, app=None, project_code=second.code)
    save(alice, penora, 30, title="Three")
    assert 'formaction="/projects/download"' in browser.get("/projects/").content.decode()
    answer = browser.post("/projects/download", {"code": [first.code, second.code]})
    assert answer["Content-Disposition"].startswith('attachment; filename="unified-projects-20')
    assert zip_in(answer).namelist() == [f"projects/one-{first.code}.txt", f"trash/two-{second.code}.txt"]


def test_anothers_project_is_like_none(alice: User, bob: User, penora: ClientApp, browser: Client) -> None:
    own, theirs = save(alice, penora).project, save(bob, penora).project
    assert len(zip_in(browser.post("/projects/download", {"code": [own.code, theirs.code]})).namelist()) == 1
    unknown = browser.post("/projects/download", {"code": "ZZZZZZ"}, follow=True)
    refused = browser.post("/projects/download", {"code": theirs.code}, follow=True)
    assert unknown.redirect_chain == refused.redirect_chain == [("/projects/", 302)]
    assert "there is nothing to download" in unknown.content.decode()
    assert "there is nothing to download" in refused.content.decode()


@pytest.mark.parametrize("codes", [[], [""], ["\x00"], ["x" * 5000], ["../.."], ["ÄÖÜ"]])
def test_what_is_no_code_selects_nothing(browser: Client, codes: list[str]) -> None:
    assert browser.post("/projects/download", {"code": codes}).url == "/projects/"


def test_more_codes_than_a_page_has_are_refused(browser: Client) -> None:
    assert browser.post("/projects/download", {"code": ["AAAAAA"] * 101}).status_code == 400


def test_a_person_gets_one_download_at_a_time(alice: User, bob: User, browser: Client) -> None:
    running = browser.post("/account/export")
    second = browser.post("/account/export")
    assert second.status_code == 503
    assert second["Retry-After"] == "30"
    other = Client()
    other.force_login(bob)
    assert zip_in(other.post("/account/export")).testzip() is None
    zip_in(running)
    assert zip_in(browser.post("/account/export")).testzip() is None


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_leaves_gives_the_place_back(alice: User, browser: Client) -> None:
    browser.post("/account/export").close()
    half = browser.post("/account/export")
    next(iter(half.streaming_content))
    half.close()
    assert zip_in(browser.post("/account/export")).testzip() is None


def test_a_server_sends_only_a_few_at_a_time(browser: Client) -> None:
    people = [User.objects.create_user(f"{number}@example.com") for number in range(downloads.AT_ONCE)]
    for person in people:
        downloads.slots.take(person)
    try:
        assert browser.post("/account/export").status_code == 503
    finally:
        for person in people:
            downloads.slots.give_back(person)
    assert zip_in(browser.post("/account/export")).testzip() is None
