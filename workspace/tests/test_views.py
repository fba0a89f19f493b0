"""The workspace's pages: what their owner sees and does, and what nobody else does."""

import io
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from accounts.models import User
from credits.models import Entry
from workspace import services
from workspace.delivery import SANDBOX
from workspace.models import Workspace
from workspace.templatetags.sizes import size
from workspace.tests.page_cast import join, paint, write

pytestmark = pytest.mark.django_db

PAGES = ("/projects/", "/projects/?view=list", "/projects/?q=text&sort=title", "/storage/")


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


def shown_titles(page: str) -> list[str]:
    return re.findall(r'<strong dir="auto">(.*?)</strong>', page)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_its_owners_and_asks_strangers_to_sign_in(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 200
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_makes_as_many_queries_for_forty_projects_as_for_two(alice: User, browser: Client, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path).status_code == 200
        return len(captured)

    for number in range(2):
        services.trash(user=alice, app=None, project_code=write(alice, f"Gone {number}").code)
        write(alice, f"Here {number}")
    few = queries()
    for number in range(20):
        services.trash(user=alice, app=None, project_code=write(alice, f"More gone {number}").code)
        write(alice, f"More here {number}", app="imagegene")
    assert queries() == few


def test_an_empty_workspace_says_what_to_do_next(browser: Client) -> None:
    assert "Nothing made yet" in browser.get("/projects/").content.decode()
    assert "The trash is empty" in browser.get("/storage/").content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"Lighthouse", "Harbour", "Square"}),
        ("?q=KEEPER", {"Lighthouse"}),
        ("?q=teal", {"Square"}),
        ("?app=penora", {"Lighthouse", "Harbour"}),
        ("?type=image", {"Square"}),
        ("?until=2020-01-01", set()),
        ("?since=2020-01-01&app=imagegene", {"Square"}),
        ("?app=nonsense&type=nonsense&sort=nonsense&since=nonsense", {"Lighthouse", "Harbour", "Square"}),
    ],
)
def test_filters_show_what_they_name_and_ignore_what_they_do_not_know(
    alice: User, browser: Client, query: str, expected: set[str]
) -> None:
    write(alice, "Lighthouse", "The keeper counted")
    write(alice, "Harbour", "A bell")
    paint(alice, "Square")
    assert set(shown_titles(browser.get(f"/projects/{query}").content.decode())) == expected


def test_sorts_by_title(alice: User, browser: Client) -> None:
    for title in ("Beta", "Alpha", "Gamma"):
        write(alice, title)
    assert shown_titles(browser.get("/projects/?sort=title").content.decode()) == ["Alpha", "Beta", "Gamma"]


def test_pages_lead_to_older_and_newer_ones(alice: User, browser: Client) -> None:
    for number in range(49):
        write(alice, f"Text {number:02}")
    first = browser.get("/projects/?app=penora").content.decode()
    assert len(shown_titles(first)) == 48
    assert "?app=penora&amp;page=2" in first
    assert shown_titles(browser.get("/projects/?app=penora&page=2").content.decode()) == ["Text 00"]


def test_the_viewer_shows_text_and_neighbours(alice: User, browser: Client) -> None:
    older = write(alice, "Older")
    middle = write(alice, "Middle", "<script>alert(1)</script> مرحبا")
    newer = write(alice, "Newer")
    page = browser.get(reverse("project", args=[middle.code])).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; مرحبا" in page
    assert f'rel="prev" href="/projects/{newer.code}/"' in page
    assert f'rel="next" href="/projects/{older.code}/"' in page


def test_the_viewer_shows_a_picture_its_prompt_and_what_paid_for_it(alice: User, browser: Client) -> None:
    square = paint(alice, "Square")
    page = browser.get(reverse("project", args=[square.code])).content.decode()
    assert f"/projects/{square.code}/content?v=1" in page
    assert "a teal square" in page
    entry = Entry.objects.get(project_code=square.code)
    assert f'href="/credits/?project={square.code}#{entry.pk}">Cost 2 credits</a>' in page


@pytest.mark.parametrize("name", ["project", "project_content", "project_thumbnail"])
def test_anothers_project_answers_like_none(alice: User, theirs: Client, name: str) -> None:
    square = paint(alice, "Square")
    assert theirs.get(reverse(name, args=[square.code])).status_code == 404
    assert theirs.get(reverse(name, args=["ZZZZZZ"])).status_code == 404


def test_serves_a_picture_so_that_nothing_in_it_can_act(alice: User, browser: Client) -> None:
    square = paint(alice, "Teal / “Square”")
    answer = browser.get(reverse("project_content", args=[square.code]))
    assert answer["Content-Type"] == square.content_type
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == SANDBOX
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "private, no-cache"
    assert Image.open(io.BytesIO(answer.content)).size == (64, 48)
    again = browser.get(reverse("project_content", args=[square.code]), HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert "sandbox" in again["Content-Security-Policy"]


def test_a_url_with_the_version_may_be_kept_for_ever_and_an_old_one_may_not(alice: User, browser: Client) -> None:
    url = reverse("project_thumbnail", args=[paint(alice, "Square").code])
    assert "immutable" in browser.get(f"{url}?v=1")["Cache-Control"]
    assert browser.get(f"{url}?v=2")["Cache-Control"] == "private, no-cache"


def test_downloads_text_under_its_title(alice: User, browser: Client) -> None:
    project = write(alice, "Chapter 3: The keeper", "Words. " * 200)
    answer = browser.get(reverse("project_content", args=[project.code]) + "?download=1")
    assert answer["Content-Disposition"] == f'attachment; filename="chapter-3-the-keeper-{project.code}.txt"'
    assert answer.content.decode() == "Words. " * 200


def test_a_text_has_no_thumbnail(alice: User, browser: Client) -> None:
    assert browser.get(reverse("project_thumbnail", args=[write(alice, "Text").code])).status_code == 404


@pytest.mark.parametrize(
    ("free", "words"), [(400, None), (200, "is filling up"), (50, "is almost full"), (0, "Your workspace is full.")]
)
def test_a_filling_workspace_says_so_everywhere(alice: User, browser: Client, free: int, words: str | None) -> None:
    write(alice, "Long", "x" * 500)
    Workspace.objects.filter(user=alice).update(limit_bytes=1000, used_bytes=1000 - free)
    for path in ("/projects/", "/storage/"):
        page = browser.get(path).content.decode()
        assert ("Your workspace is" in page) == (words is not None)
        assert (words or "") in page


def test_storage_says_every_byte(alice: User, browser: Client) -> None:
    write(alice, "Text", "x" * 300)
    services.trash(user=alice, app=None, project_code=write(alice, "Gone", "y" * 41).code)
    page = browser.get("/storage/").content.decode()
    assert "341 of 1,048,576 bytes used, 1,048,235 free." in page
    assert "Penora: 300 bytes" in page
    assert "Trash: 41 bytes" in page


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1 kB"),
        (1536, "1.5 kB"),
        (58_368, "57 kB"),
        (1_048_064, "1 MB"),
        (1_048_576, "1 MB"),
        (9_856_614, "9.4 MB"),
    ],
)
def test_sizes_read_in_units_of_1024(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize("path", [*PAGES, "/storage/?x=1"])
def test_no_page_carries_inline_script_or_style(alice: User, browser: Client, path: str) -> None:
    paint(alice, "Square")
    page = browser.get(path).content.decode()
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)


def test_the_arrows_of_the_viewer_keep_their_places_at_the_ends(client, alice):
    made = [write(alice, f"Text {number}") for number in range(3)]
    client.force_login(alice)
    steps = [
        re.findall(
            r'<(?:a|span) class="btn plain square"(?: rel="(\w+)")?',
            client.get(f"/projects/{one.code}/").content.decode(),
        )
        for one in reversed(made)
    ]
    assert steps == [["", "next"], ["prev", "next"], ["prev", ""]]
