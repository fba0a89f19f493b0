"""One person's visit from the sign-in to the last download, in a real Chromium: on a phone and at a desk, with the
keyboard alone, and without JavaScript. What they saw is kept in test-results/pages/ for people to leaf through."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils import timezone
from imagegene import painter
from penora import writer
from playwright.sync_api import Page, expect

from accounts import addresses
from accounts.models import User
from accounts.tests.cast import Clock
from credits import services as credits
from credits.models import Purchase
from credits.tests.shop import FakeStripe, ordered, paid
from tests.browser import Visit
from workspace import services
from workspace.content import Prepared, prepare
from workspace.models import Project
from workspace.tests.page_cast import join, make_app

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EXAMPLES = settings.BASE_DIR / "examples"
ALBUM = settings.BASE_DIR / "test-results/pages"
SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1440, "height": 900}}
PAGES = {"home": "/", "projects": "/projects/", "storage": "/storage/", "credits": "/credits/", "account": "/account/"}
PAPER = "getComputedStyle(document.documentElement).backgroundColor"
PASSWORD = "correct horse battery staple"


def make(user: User, app: str, title: str, kind: str, content: str | bytes, metadata: dict[str, object]) -> Project:
    """A project that was paid for when it was saved, as the apps do it."""
    return services.save_project(
        user=user,
        app=make_app(app),
        project_type=kind,
        title=title,
        prepared=prepare(project_type=kind, content=content),
        metadata=metadata,
        charge={"amount": 2, "description": title},
    ).project


@pytest.fixture
def rita(alice: User) -> User:
    """Somebody with a password and work of both apps: three pictures and two texts, ten credits spent."""
    alice.set_password(PASSWORD)
    alice.save()
    addresses.vouch_for(alice)
    for prompt, style in (
        ("Sunset over a quiet mountain range, warm amber haze", "mountains at dusk"),
        ("Stained glass window of a sunrise over green hills", "stained glass"),
        ("Autumn wind drawn as ribbons, fire and copper", "flow field"),
    ):
        picture = painter.paint(prompt, style)
        make(alice, "imagegene", style.capitalize(), "ai_art", picture.png(), picture.metadata)
    for prompt, genre in (("A lighthouse keeper and the tide clock", "story"), ("Lemon and thyme bread", "recipe")):
        text = writer.write(prompt, genre, 2)
        make(alice, "penora", genre.capitalize(), "text", text.markdown, text.metadata)
    return alice


@cache
def works() -> list[tuple[str, str, str, Prepared, dict[str, object]]]:
    """What the two example apps make for their demo, the apps taking turns: app, title, kind, content, metadata."""
    painted, written = (json.loads((EXAMPLES / app / "demo.json").read_text()) for app in ("imagegene", "penora"))
    made = []
    for image, text in zip(painted, written, strict=False):
        picture = painter.paint(image["prompt"], image["style"])
        prose = writer.write(text["prompt"], text["genre"], text["pages"])
        drawn = prepare(project_type="ai_art", content=picture.png())
        made.append(
            ("penora", text["title"], "text", prepare(project_type="text", content=prose.markdown), prose.metadata)
        )
        made.append(("imagegene", image["title"], "ai_art", drawn, picture.metadata))
    return made


@pytest.fixture
def nora(clock: Clock, shop: FakeStripe, transactional_db: None) -> User:
    """Somebody who has been here for a month: credits bought, a work every other day, a bonus, work in progress."""
    made, penora = works(), make_app("penora")
    clock.forward(days=-29)
    user = join("nora")
    addresses.vouch_for(user)
    credits.take_event(event=paid(ordered(user)))
    for number, (app, title, kind, content, metadata) in enumerate(made):
        clock.forward(hours=40 + 14 * (number % 3))
        charge = {"amount": 2 + number % 3, "description": title}
        saved = services.save_project(
            user=user,
            app=make_app(app),
            project_type=kind,
            title=title,
            prepared=content,
            metadata=metadata,
            charge=charge,
            favourite=number % 5 == 1,
            tags=["for the fair"] if number % 4 == 1 else [],
        )
        Project.objects.filter(pk=saved.project.pk).update(created_at=timezone.now())
        credits.charge(user=user, app=penora, amount=1 + number % 2, description="Title ideas")
    clock.ahead = timedelta()
    until = timezone.now() + timedelta(days=12)
    credits.grant(user=user, amount=10, reason="Thank you for testing", expires_at=until)
    credits.hold(user=user, app=make_app("imagegene"), amount=2, description="A picture in progress")
    return user


def sign_in(page: Page) -> None:
    page.goto("/projects/")
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    arrive(page, "/projects/")


def arrive(page: Page, path: str) -> None:
    """Until the page that was pressed for is there, with its scripts; before, one would press on the page before it."""
    page.wait_for_url(lambda url: urlsplit(url).path == path, wait_until="load")


def downloaded(page: Page, press: str, role: str = "link") -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role(role, name=press).first.click()  # type: ignore[arg-type]
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def keep(page: Page, name: str) -> None:
    ALBUM.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ALBUM / f"{name}.png", full_page=True)


@pytest.mark.parametrize("size", SIZES)
def test_a_visit_from_sign_in_to_download(visitor, rita: User, size: str) -> None:
    visit: Visit = visitor(viewport=SIZES[size], accept_downloads=True)
    page = visit.page
    sign_in(page)
    expect(page.locator(".tile strong")).to_have_text(
        ["Recipe", "Story", "Flow field", "Stained glass", "Mountains at dusk"]
    )

    page.locator("#id_q").fill("sunrise")
    expect(page.locator(".tile")).to_have_count(1)
    page.locator("#id_q").fill("")
    expect(page.locator(".tile")).to_have_count(5)
    page.locator(".chip.app", has_text="Penora").click()
    expect(page.locator(".tile")).to_have_count(2)

    page.get_by_role("link", name="Story").first.click()
    expect(page.locator("h1")).to_have_text("Story")
    page.get_by_label("Title").fill("The tide clock")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("h1")).to_have_text("The tide clock")

    page.get_by_role("button", name="Move to trash").click()
    expect(page.locator(".notice")).to_contain_text("is in the trash")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile strong", has_text="The tide clock")).to_have_count(1)
    page.goto(f"/projects/{Project.objects.get(title='The tide clock').code}/")
    page.get_by_role("button", name="Move to trash").click()
    expect(page.locator(".notice")).to_contain_text("is in the trash")

    page.goto("/storage/")
    page.get_by_role("button", name=re.compile("^Empty and free")).click()
    page.get_by_role("button", name="Empty the trash", exact=True).click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
    assert Project.objects.filter(user=rita).count() == 4

    page.goto("/credits/")
    expect(page.locator("main")).to_contain_text("Mountains at dusk")
    name, data = downloaded(page, "CSV")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert name.endswith(".csv")
    assert sum(int(row["amount"]) for row in rows) == 50

    page.goto("/projects/")
    page.locator(".picker").first.check()
    name, data = downloaded(page, "Zip", role="button")
    assert name.endswith(".zip")
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    assert visit.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_kept_in_the_album_and_none_is_wider_than_the_screen(
    visitor, nora: User, size: str, scheme: str
) -> None:
    zone = {"locale": "en-GB", "timezone_id": "Europe/Paris"}
    visit: Visit = visitor(nora, viewport=SIZES[size], color_scheme=scheme, **zone)
    codes = dict(Project.objects.filter(user=nora).values_list("project_type", "code"))
    wide, receipt = [], f"/credits/purchases/{Purchase.objects.get().pk}/"
    visit.page.goto("/")
    expect(visit.page.locator(".ledger time").first).not_to_contain_text("UTC")
    viewers = {f"viewer-{kind}": f"/projects/{code}/" for kind, code in codes.items()}
    for name, path in {**PAGES, "receipt": receipt, **viewers}.items():
        visit.page.goto(path)
        visit.page.evaluate("document.fonts.ready")
        if visit.page.locator(".live").count():
            visit.page.locator(":root[data-live=on]").wait_for()
        keep(visit.page, f"{name}-{size}-{scheme}")
        if visit.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path)
    assert len(codes) == 2
    assert wide == []
    assert visit.troubles == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_theme_is_chosen_and_kept(visitor, rita: User, script: bool) -> None:
    page = visitor(rita, viewport=SIZES["desk"], color_scheme="light", java_script_enabled=script).page
    page.goto("/credits/?type=used")
    switch = page.locator(".rail [data-theme-switch]")
    light = page.evaluate(PAPER)
    switch.get_by_role("button", name="Dark").click()
    expect(switch.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith("/credits/?type=used")
    dark = page.evaluate(PAPER)
    assert dark != light
    page.goto("/")
    assert page.evaluate(PAPER) == dark
    switch.get_by_role("button", name="As the system").click()
    expect(switch.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(PAPER) == light


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is focused says `name`; it must be visible, and so must be the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "(document.activeElement.innerText || document.activeElement.labels?.[0]?.innerText ||"
            " document.activeElement.getAttribute('aria-label') || '').trim()"
        )
        if name in said:
            seen = page.evaluate(
                "(() => { const style = getComputedStyle(document.activeElement);"
                " return style.outlineStyle !== 'none' || style.boxShadow !== 'none' })()"
            )
            assert seen, f"{name} is focused and does not show it"
            return
    raise AssertionError(f"Tab never came to {name}")


def test_a_visit_with_the_keyboard_alone(visitor, rita: User) -> None:
    visit: Visit = visitor(viewport=SIZES["desk"])
    page = visit.page
    page.goto("/accounts/login/")
    page.get_by_label("Email").focus()
    page.keyboard.type("alice@example.com")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    arrive(page, "/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    tab_to(page, "Projects")
    page.keyboard.press("Enter")
    arrive(page, "/projects/")
    page.keyboard.press("/")
    page.keyboard.type("bread")
    expect(page.locator(".tile")).to_have_count(1)
    tab_to(page, "Recipe")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Recipe")
    tab_to(page, "Move to trash")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("is in the trash")
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    expect(page.locator(".tile strong", has_text="Recipe")).to_have_count(1)
    assert visit.troubles == []


def test_a_visit_without_javascript(visitor, rita: User) -> None:
    visit: Visit = visitor(java_script_enabled=False, viewport=SIZES["phone"], accept_downloads=True)
    page = visit.page
    sign_in(page)
    page.locator("#id_q").fill("bread")
    page.get_by_role("button", name="Apply").first.click()
    expect(page.locator(".tile strong")).to_have_text(["Recipe"])
    page.get_by_role("link", name="Recipe").first.click()
    page.get_by_label("Title").fill("Bread")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("h1")).to_have_text("Bread")
    page.get_by_role("button", name="Move to trash").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile strong", has_text="Bread")).to_have_count(1)
    page.goto(f"/projects/{Project.objects.get(title='Bread').code}/")
    page.get_by_role("button", name="Move to trash").click()
    expect(page.locator(".notice")).to_contain_text("is in the trash")
    page.goto("/storage/")
    page.get_by_role("button", name=re.compile("^Empty and free")).click()
    page.get_by_role("button", name="Empty the trash", exact=True).click()
    expect(page.locator("main")).to_contain_text("The trash is empty")
    page.goto("/credits/")
    name, data = downloaded(page, "CSV")
    assert name.endswith(".csv")
    assert b"Recipe" in data
    name, _ = downloaded_everything(page)
    assert name.endswith(".zip")
    assert visit.troubles == []


def downloaded_everything(page: Page) -> tuple[str, bytes]:
    page.goto("/account/")
    button = page.get_by_role("button", name="Export everything").or_(
        page.get_by_role("link", name="Export everything")
    )
    with page.expect_download() as waiting:
        button.first.click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()
