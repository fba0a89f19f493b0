"""Every page in a real Chromium: it opens, and nothing goes wrong in it."""

import pytest

from accounts.models import User
from workspace.tests.page_cast import paint, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = ["/", "/projects/", "/storage/", "/credits/", "/account/"]


@pytest.mark.parametrize("path", PAGES)
def test_a_persons_page_opens_without_trouble(visitor, alice: User, path: str) -> None:
    write(alice, "A page")
    paint(alice, "A square")
    visit = visitor(alice)
    answer = visit.page.goto(path)
    assert (answer.status, visit.page.locator("h1").count()) == (200, 1)
    visit.page.wait_for_load_state("load")
    assert visit.troubles == []


def test_a_stranger_is_sent_to_sign_in(visitor) -> None:
    visit = visitor()
    visit.page.goto("/projects/")
    assert "/accounts/login/" in visit.page.url
    assert visit.troubles == []


def test_a_trouble_on_a_page_is_seen(visitor) -> None:
    visit = visitor()
    visit.page.goto("/accounts/login/")
    # What is thrown comes last.
    with visit.page.expect_event("pageerror"):
        visit.page.evaluate("""() => {
            const image = document.createElement("img");
            image.src = "http://127.0.0.2:9/canary";
            document.body.append(image);
            setTimeout(() => { alert("hello"); throw new Error("thrown"); });
        }""")
    assert "dialog: hello" in visit.troubles
    assert any("thrown" in trouble for trouble in visit.troubles)
    assert any("Content Security Policy" in trouble for trouble in visit.troubles)
