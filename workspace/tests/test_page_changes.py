"""What a person changes from the workspace's pages, and what nobody else can."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from workspace import services
from workspace.content import prepare_text
from workspace.models import Project, Workspace
from workspace.tests.cast import save
from workspace.tests.page_cast import join, make_app, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return join("alice")


@pytest.fixture
def bob() -> User:
    return join("bob")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def theirs(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.mark.parametrize("name", ["project_rename", "project_delete", "project_restore", "project_purge"])
def test_nobody_changes_anothers_project(alice: User, theirs: Client, name: str) -> None:
    project = write(alice, "Mine")
    if name in ("project_restore", "project_purge"):
        services.trash(user=alice, app=None, project_code=project.code)
    assert theirs.post(reverse(name, args=[project.code]), {"title": "Theirs"}).status_code == 404
    kept = Project.objects.get(code=project.code)
    assert kept.title == "Mine"
    assert (kept.trashed_at is not None) == (name in ("project_restore", "project_purge"))


@pytest.mark.parametrize("name", ["project_rename", "project_delete", "project_restore", "project_purge"])
def test_a_change_is_a_post_with_its_csrf_token(alice: User, browser: Client, name: str) -> None:
    url = reverse(name, args=[write(alice, "Mine").code])
    assert browser.get(url).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(url, {"title": "Other"}).status_code == 403
    assert Project.objects.get(user=alice).title == "Mine"


def test_renames(alice: User, browser: Client) -> None:
    code = write(alice, "Old").code
    answer = browser.post(reverse("project_rename", args=[code]), {"title": " New name "}, follow=True)
    assert answer.redirect_chain == [(f"/projects/{code}/", 302)]
    assert Project.objects.get(code=code).title == "New name"
    assert "The project is renamed." in answer.content.decode()


@pytest.mark.parametrize("title", ["", "   ", "x" * 201])
def test_refuses_a_title_that_is_none_or_too_long_and_says_so(alice: User, browser: Client, title: str) -> None:
    code = write(alice, "Old").code
    answer = browser.post(reverse("project_rename", args=[code]), {"title": title})
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.content.decode()
    assert Project.objects.get(code=code).title == "Old"


def test_a_deleted_project_comes_back_with_undo(alice: User, browser: Client) -> None:
    code = write(alice, "Mine").code
    page = browser.post(reverse("project_delete", args=[code]), follow=True).content.decode()
    assert Project.objects.get(code=code).trashed_at is not None
    undo = re.search(r'name="code" value="([^"]+)"', page)
    assert undo is not None
    browser.post(reverse("projects_restore"), {"code": undo[1]})
    assert Project.objects.get(code=code).trashed_at is None


def test_deletes_what_is_selected_and_nothing_of_anybody_else(alice: User, bob: User, browser: Client) -> None:
    mine = [write(alice, f"Mine {number}").code for number in range(3)]
    theirs = write(bob, "Theirs").code
    answer = browser.post(reverse("projects_delete"), {"code": [*mine[:2], theirs, "ZZZZZZ"]}, follow=True)
    assert "2 projects are in the trash." in answer.content.decode()
    assert set(Project.objects.trashed().values_list("code", flat=True)) == set(mine[:2])


def test_says_so_when_nothing_was_selected(browser: Client) -> None:
    assert "Nothing was selected" in browser.post(reverse("projects_delete"), follow=True).content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_never_sends_anybody_elsewhere(alice: User, browser: Client, target: str) -> None:
    url = reverse("project_delete", args=[write(alice, "Mine").code])
    assert browser.post(url, {"next": target})["Location"] == "/projects/"


def test_restores_and_purges_from_the_trash(alice: User, browser: Client) -> None:
    kept, gone = write(alice, "Kept"), write(alice, "Gone")
    for project in (kept, gone):
        services.trash(user=alice, app=None, project_code=project.code)
    assert browser.post(reverse("project_restore", args=[kept.code]))["Location"] == "/storage/"
    browser.post(reverse("project_purge", args=[gone.code]))
    assert list(Project.objects.values_list("code", "trashed_at")) == [(kept.code, None)]
    assert Workspace.objects.get(user=alice).used_bytes == kept.file_size_bytes


def test_purges_only_what_is_in_the_trash(alice: User, browser: Client) -> None:
    code = write(alice, "Mine").code
    assert browser.post(reverse("project_purge", args=[code])).status_code == 404
    assert Project.objects.filter(code=code).exists()


def test_empties_the_trash_and_says_what_it_freed(alice: User, bob: User, browser: Client) -> None:
    for owner in (alice, bob):
        services.trash(user=owner, app=None, project_code=write(owner, "Gone", "g" * 40).code)
    write(alice, "Here")
    page = browser.post(reverse("trash_empty"), follow=True).content.decode()
    assert "1 project deleted; 40 bytes are free again." in page
    assert list(Project.objects.filter(user=alice).values_list("title", flat=True)) == ["Here"]
    assert Project.objects.filter(user=bob).trashed().count() == 1


@pytest.mark.parametrize("code", ["\x00", "x" * 5000, "ÄÖÜ", ""])
def test_what_cannot_be_a_code_names_nothing(browser: Client, code: str) -> None:
    assert browser.post("/projects/delete", {"codes": [code]}).status_code == 302
    assert browser.post("/projects/restore", {"codes": code}).status_code == 302


def test_compressing_says_first_what_it_frees_and_costs(alice: User, browser: Client) -> None:
    text = save(alice, make_app("penora"), prepared=prepare_text("A long, long story. " * 200, "none")).project
    small = write(alice, "Small")
    page = browser.post(reverse("projects_compress"), {"code": [text.code, small.code, "ZZZZZZ"]}).content.decode()
    assert "About 2.5 kB" in page
    assert "without loss" in page
    assert "1 project would gain next to nothing" in page
    assert f'name="code" value="{text.code}"' in page
    assert f'name="code" value="{small.code}"' not in page
    assert Project.objects.get(code=text.code).file_size_bytes == 4_000


def test_compresses_once_it_was_agreed_to(alice: User, bob: User, browser: Client) -> None:
    text = save(alice, make_app("penora"), prepared=prepare_text("A long, long story. " * 200, "none")).project
    theirs = save(bob, make_app("penora"), prepared=prepare_text("A long, long story. " * 200, "none")).project
    url, form = reverse("projects_compress"), {"code": [text.code, theirs.code], "agreed": "1", "next": "/storage/"}
    page = browser.post(url, form, follow=True).content.decode()
    assert "1 project is compressed; 3.4 kB are free again." in page
    assert "1 project stayed as it was." in page
    assert Project.objects.get(code=text.code).file_size_bytes == 500
    assert Project.objects.get(code=theirs.code).file_size_bytes == 4_000
    assert "Nothing to gain" in browser.post(url, {"code": text.code}).content.decode()
