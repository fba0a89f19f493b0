"""Every page, in both themes, on a phone and on a desk, as axe sees it: nothing to object to."""

from pathlib import Path

import pytest

from accounts import consents
from accounts.models import ClientApp, User
from accounts.tests.party import Party
from credits import services as credits
from credits.tests.shop import FakeStripe, ordered, paid, refunded
from workspace import services as workspace
from workspace.models import Workspace
from workspace.tests.page_cast import paint, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ASK = """async (tags) => (await axe.run(document, { runOnly: tags })).violations
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id} ${target}`))"""
LOOKS = {
    "light phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "dark desk": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
}
OWN = [
    "/",
    "/projects/",
    "/projects/?view=list",
    "/projects/?q=nothing-like-it",
    "/storage/",
    "/credits/",
    "/credits/?type=expired",
    "/account/",
    "/accounts/email/",
    "/accounts/logout/",
]
STRANGERS = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/inactive/",
    "/nothing/here/",
]


def violations(visit, paths: list[str]) -> dict[str, list[str]]:
    found = {}
    for path in paths:
        visit.page.goto(path)
        visit.page.evaluate(AXE.read_text())
        found[path] = visit.page.evaluate(ASK, RULES)
    return found


def a_full_life(user: User) -> list[str]:
    """Texts, pictures, holds, an expired look at everything; returns the projects' own pages."""
    app = ClientApp.objects.get(slug="penora")
    text = write(user, "A title that is very long " * 7, "# One\n\n- a\n- b\n\n> c", tags=["tag"], favourite=True)
    write(user, text.title, "# One, written anew", project_code=text.code)
    trashed = write(user, "رسالة", "مرحبا")
    workspace.trash(user=user, app=None, project_code=trashed.code)
    credits.hold(user=user, app=app, amount=3, description="Work")
    return [f"/projects/{project.code}/" for project in (text, trashed, paint(user, "A square"))]


@pytest.mark.parametrize("look", LOOKS)
def test_finds_nothing_on_the_pages_of_a_person(visitor, alice: User, look: str) -> None:
    paths = [*OWN, *a_full_life(alice)]
    visit = visitor(alice, bypass_csp=True, **LOOKS[look])
    assert violations(visit, paths) == {path: [] for path in paths}


@pytest.mark.parametrize("look", LOOKS)
def test_finds_nothing_where_credits_are_bought(visitor, alice: User, shop: FakeStripe, look: str) -> None:
    bought = ordered(alice)
    credits.take_event(event=paid(bought))
    returned = ordered(alice)
    credits.take_event(event=paid(returned))
    credits.take_event(event=refunded(returned, 500))
    opened = ordered(alice)
    receipts = [f"/credits/purchases/{purchase.pk}/" for purchase in (bought, returned)]
    paths = [*(f"/credits/?purchase={purchase.pk}" for purchase in (bought, returned, opened)), *receipts]
    visit = visitor(alice, bypass_csp=True, **LOOKS[look])
    assert violations(visit, paths) == {path: [] for path in paths}


@pytest.mark.parametrize("look", LOOKS)
def test_finds_nothing_where_there_is_nothing_or_no_room(visitor, alice: User, bob: User, look: str) -> None:
    paths = ["/", "/projects/", "/storage/", "/credits/"]
    visit = visitor(bob, bypass_csp=True, **LOOKS[look])
    assert violations(visit, paths) == {path: [] for path in paths}
    credits.charge(user=bob, app=ClientApp.objects.get(slug="penora"), amount=60)
    write(bob, "Long", "x" * 500)
    used = Workspace.objects.get(user=bob).used_bytes
    Workspace.objects.filter(user=bob).update(limit_bytes=used)
    assert violations(visit, paths) == {path: [] for path in paths}
    Workspace.objects.filter(user=bob).update(limit_bytes=used // 2, excess_bytes=used - used // 2)
    assert violations(visit, ["/storage/"]) == {"/storage/": []}


@pytest.mark.parametrize("look", LOOKS)
def test_finds_nothing_on_the_way_in(visitor, look: str) -> None:
    visit = visitor(bypass_csp=True, **LOOKS[look])
    assert violations(visit, STRANGERS) == {path: [] for path in STRANGERS}


@pytest.mark.parametrize("look", LOOKS)
def test_finds_nothing_where_an_app_asks(visitor, alice: User, stranger_app: ClientApp, look: str) -> None:
    party = Party(stranger_app)
    # The second asks for what was never registered.
    paths = [party.request(), party.request(redirect_uri="https://evil.example/")]
    visit = visitor(alice, bypass_csp=True, **LOOKS[look])
    assert violations(visit, paths) == {path: [] for path in paths}
    width = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    consents.give(user=alice, slug="stranger", scopes=consents.SCOPES)
    assert violations(visit, ["/account/"]) == {"/account/": []}


@pytest.mark.parametrize("look", LOOKS)
def test_finds_nothing_at_the_support_desk(visitor, staff: User, alice: User, look: str) -> None:
    a_full_life(alice)
    desk = f"/admin/accounts/user/{alice.pk}"
    paths = ["/admin/", f"{desk}/change/", f"{desk}/grant/", f"{desk}/adjust/"]
    visit = visitor(staff, bypass_csp=True, **LOOKS[look])
    assert violations(visit, paths) == {path: [] for path in paths}
