"""What a page asks of the database does not grow with what a person owns."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from unified.tests.rich_cast import enrich

PAGES = [
    "/",
    "/projects/",
    "/projects/?view=list",
    "/projects/?page=3&sort=title",
    "/projects/?q=keeper",
    "/projects/?tag=tag%203&favourite=",
    "/storage/",
    "/credits/",
    "/credits/?days=90&type=used&page=9",
    "/account/",
]
# Session, person and walls included.
MOST_QUERIES = 24


def queries(browser: Client, paths: list[str]) -> dict[str, int]:
    counted = {}
    for path in paths:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path).status_code == 200
        counted[path] = len(captured)
    return counted


@pytest.mark.django_db
def test_a_thousand_projects_take_as_many_queries_as_ten(client: Client, alice: User, bob: User) -> None:
    counted = []
    for person, projects, entries in ((alice, 10, 40), (bob, 1_000, 10_000)):
        text, picture = enrich(person, projects, entries)
        paths = [*PAGES, *(reverse("project", args=[shown.code]) for shown in (text, picture))]
        client.force_login(person)
        client.get("/")
        counted.append(list(queries(client, paths).values()))
    assert counted[0] == counted[1]
    assert max(counted[0]) <= MOST_QUERIES


@pytest.mark.django_db
def test_the_support_desk_asks_as_little_about_whoever_owns_much(
    client: Client, staff: User, alice: User, bob: User
) -> None:
    client.force_login(staff)
    counted = []
    for person, projects, entries in ((alice, 10, 40), (bob, 100, 400)):
        enrich(person, projects, entries)
        paths = ["/admin/", f"/admin/accounts/user/{person.pk}/change/"]
        # What Django remembers from the first page on: content types.
        queries(client, paths)
        counted.append(list(queries(client, paths).values()))
    assert counted[0] == counted[1]
    assert max(counted[0]) <= MOST_QUERIES
