"""How projects stand on the projects page and beside each other: days, neighbours, tags and favourites."""

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from workspace import gallery, services
from workspace.forms import SORTS
from workspace.models import Project
from workspace.tests.page_cast import join, paint, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return join("alice")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def made(user: User, title: str, moment: str) -> Project:
    """A text that was made at `moment`, in UTC."""
    project = write(user, title)
    Project.objects.filter(pk=project.pk).update(created_at=datetime.fromisoformat(moment).replace(tzinfo=UTC))
    return project


def headings(page: str) -> list[str]:
    return re.findall(r'class="label">([^<]+)</h2>', page)


def test_stand_under_the_day_it_was_for_the_reader(alice: User, browser: Client) -> None:
    made(alice, "Late", "2020-03-01T23:30")
    made(alice, "Early", "2020-03-01T00:30")
    assert headings(browser.get("/projects/").content.decode()) == ["1 Mar 2020"]
    browser.cookies["zone"] = "Europe/Berlin"
    assert headings(browser.get("/projects/").content.decode()) == ["2 Mar 2020", "1 Mar 2020"]
    assert headings(browser.get("/projects/?sort=title").content.decode()) == []


@pytest.mark.parametrize("order", SORTS.values(), ids=list(SORTS))
def test_every_project_has_its_neighbours_of_the_list(alice: User, order: tuple[str, ...]) -> None:
    for title in ("B", "A", "C", "A", "B"):
        write(alice, title, "x" * (100 if title == "A" else 200))
    Project.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    found = Project.objects.owned_by(alice)
    listed = list(found.order_by(*order))
    for place, shown in enumerate(listed):
        beside = gallery.neighbours(found, shown, order)
        assert beside.before == listed[max(0, place - gallery.BESIDE) : place]
        assert beside.after == listed[place + 1 : place + 1 + gallery.BESIDE]
    assert len(listed) == 5


def test_the_viewer_walks_within_what_was_filtered(alice: User, browser: Client) -> None:
    write(alice, "Text")
    pictures = [paint(alice, f"Square {number}") for number in range(2)]
    write(alice, "Another text")
    page = browser.get(reverse("project", args=[pictures[0].code]) + "?app=imagegene&page=9&junk=1").content.decode()
    assert f'rel="prev" href="/projects/{pictures[1].code}/?app=imagegene"' in page
    assert 'rel="next"' not in page
    assert f'href="/projects/?app=imagegene#p-{pictures[0].code}" data-up' in page


def test_the_viewer_makes_as_many_queries_for_forty_projects_as_for_one(alice: User, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(url).status_code == 200
        return len(captured)

    url = reverse("project", args=[write(alice, "One", tags=["a"]).code])
    few = queries()
    for number in range(39):
        write(alice, f"More {number}", tags=[f"tag {number}"])
    assert queries() == few


def test_a_favourite_is_marked_and_unmarked_and_found(alice: User, browser: Client) -> None:
    write(alice, "Plain")
    code = write(alice, "Dear").code
    browser.post(reverse("project_favourite", args=[code]))
    assert Project.objects.get(code=code).favourite is True
    assert [project.code for project in browser.get("/projects/?favourite=on").context["page"]] == [code]
    browser.post(reverse("project_favourite", args=[code]))
    assert Project.objects.get(code=code).favourite is False


def test_tags_are_added_removed_and_found(alice: User, browser: Client) -> None:
    write(alice, "Plain")
    code = write(alice, "Tagged").code
    url = reverse("project_tags", args=[code])
    for tag in (" one\n two ", "Ümlaut & <b>", "one two"):
        browser.post(url, {"add": tag})
    assert Project.objects.get(code=code).tags == ["one two", "Ümlaut & <b>"]
    assert gallery.tags_of(alice) == ["one two", "Ümlaut & <b>"]
    found = browser.get("/projects/", {"tag": "Ümlaut & <b>"})
    assert [project.code for project in found.context["page"]] == [code]
    browser.post(url, {"remove": "one two"})
    assert Project.objects.get(code=code).tags == ["Ümlaut & <b>"]


def test_refuses_a_tag_too_many_or_too_long_and_says_so(alice: User, browser: Client) -> None:
    code = write(alice, "Full", tags=[f"tag {number}" for number in range(20)]).code
    url = reverse("project_tags", args=[code])
    assert "can have 20 tags" in browser.post(url, {"add": "one more"}, follow=True).content.decode()
    assert "at most 50 characters" in browser.post(url, {"add": "x" * 51}, follow=True).content.decode()
    assert len(Project.objects.get(code=code).tags) == 20


@pytest.mark.parametrize("name", ["project_favourite", "project_tags"])
def test_nobody_marks_anothers_project_or_one_in_the_trash(alice: User, browser: Client, name: str) -> None:
    theirs = write(join("bob"), "Theirs")
    gone = write(alice, "Gone")
    services.trash(user=alice, app=None, project_code=gone.code)
    for project in (theirs, gone):
        assert browser.post(reverse(name, args=[project.code]), {"add": "x"}).status_code == 404
    assert not Project.objects.filter(favourite=True).exists()
    assert not Project.objects.exclude(tag_index="").exists()
