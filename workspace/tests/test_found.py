"""Searching on the projects page: what was looked for is marked, and what matches best can stand first."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from workspace.tests.page_cast import join, paint, write
from workspace.tests.test_views import shown_titles

pytestmark = pytest.mark.django_db

LOOKS = ("gallery", "list")
LONG = "In a quiet town. " * 40 + "There the <keeper> & his bell stood. " + "The end came slowly. " * 40


@pytest.fixture
def alice() -> User:
    return join("alice")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def page(browser: Client, query: str) -> str:
    return browser.get(f"/projects/{query}").content.decode()


@pytest.mark.parametrize("look", LOOKS)
def test_what_was_looked_for_is_marked_in_the_title_and_in_the_text(alice: User, browser: Client, look: str) -> None:
    write(alice, "The Keeper of keys", LONG)
    found = page(browser, f"?q=keeper&view={look}")
    assert "The <mark>Keeper</mark> of keys" in found
    assert "the &lt;<mark>keeper</mark>&gt; &amp; his bell" in found
    assert "<keeper>" not in found


def test_a_match_far_into_a_prompt_stands_near_the_beginning_of_its_line(alice: User, browser: Client) -> None:
    write(alice, "Dear", metadata={"prompt": f"{'Somewhere ' * 14}a keeper"})
    assert "<b>Prompt</b> …Somewhere a <mark>keeper</mark>" in page(browser, "?q=keeper")


@pytest.mark.parametrize("look", LOOKS)
def test_what_was_found_in_a_prompt_or_a_tag_says_so(alice: User, browser: Client, look: str) -> None:
    paint(alice, "Square")
    write(alice, "Dear", tags=["<b>teal"])
    found = page(browser, f"?q=teal&view={look}")
    assert "<b>Prompt</b> a <mark>teal</mark> square" in found
    assert "<b>Tag</b> &lt;b&gt;<mark>teal</mark>" in found


def test_nothing_is_marked_where_nothing_was_looked_for(alice: User, browser: Client) -> None:
    write(alice, "The keeper")
    assert "<mark>" not in page(browser, "")
    assert "<mark>" not in page(browser, "?q=+")


def test_what_matches_best_stands_first_and_walks_on_in_the_viewer(alice: User, browser: Client) -> None:
    about = write(alice, "Keeper", "A bell")
    other = write(alice, "Harbour", "The keeper counted")
    assert shown_titles(page(browser, "?q=keeper")) == ["Harbour", "<mark>Keeper</mark>"]
    best = page(browser, "?q=keeper&sort=best")
    assert shown_titles(best) == ["<mark>Keeper</mark>", "Harbour"]
    assert f'href="/projects/{about.code}/?q=keeper&amp;sort=best"' in best
    viewer = browser.get(f"/projects/{about.code}/?q=keeper&sort=best").content.decode()
    assert f'rel="next" href="/projects/{other.code}/?q=keeper&amp;sort=best"' in viewer
    assert 'rel="prev"' not in viewer


def test_best_match_is_offered_only_to_who_searches(alice: User, browser: Client) -> None:
    write(alice, "First")
    write(alice, "Second")
    assert 'value="best"' not in page(browser, "")
    assert 'value="best" selected' in page(browser, "?q=first&sort=best")
    assert 'value="" selected>Newest' in page(browser, "?q=first")
    assert shown_titles(page(browser, "?sort=best")) == ["Second", "First"]


def test_a_search_makes_as_many_queries_for_twenty_hits_as_for_two(alice: User, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/projects/?q=teal&sort=best").status_code == 200
        return len(captured)

    for number in range(2):
        paint(alice, f"Square {number}")
        write(alice, f"Text {number}", "A teal sea")
    few = queries()
    for number in range(9):
        write(alice, f"More text {number}", "A teal sea")
        paint(alice, f"More {number}")
    assert queries() == few
