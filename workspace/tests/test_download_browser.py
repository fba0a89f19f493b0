"""The downloads as a person gets them: pressed on a page, in a real Chromium, from the running product."""

import zipfile

import pytest

from accounts.models import User
from workspace.tests.page_cast import paint, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_export_everything_hands_over_one_zip(visitor, alice: User) -> None:
    write(alice, "A page")
    paint(alice, "A square")
    visit = visitor(alice)
    visit.page.goto("/account/")
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Export everything").click()
    download = waiting.value
    assert download.suggested_filename.startswith("unified-export-alice-")
    with zipfile.ZipFile(download.path()) as made:
        assert made.testzip() is None
        assert len([name for name in made.namelist() if name.startswith("projects/")]) == 2
    assert visit.troubles == []


def test_selected_projects_come_as_one_zip(visitor, alice: User) -> None:
    write(alice, "A page")
    wanted = paint(alice, "A square")
    visit = visitor(alice)
    visit.page.goto("/projects/")
    visit.page.locator(f"input[name=code][value='{wanted.code}']").check()
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Zip").click()
    with zipfile.ZipFile(waiting.value.path()) as made:
        assert made.namelist() == [f"projects/a-square-{wanted.code}.png"]
    assert visit.troubles == []
