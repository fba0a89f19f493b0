"""Nothing uploaded ever runs: hostile texts, pictures and names in a real Chromium, on every page and every address.

Each hostile piece tries three ways to be noticed: a dialog, a mark on the window, a request with `canary` in it."""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Error, Page, Response

from accounts import services as accounts
from accounts.models import ClientApp, User
from credits import services as credits
from tests.browser import Visit
from workspace import content, services
from workspace.models import Project
from workspace.tests.cast import save

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ACT = "window.ran=1;new Image().src='/canary-'+document.domain;alert('ran')"
SCRIPT = f"<script>{ACT}</script>"
IMAGE = f'<img src=x onerror="{ACT}">'
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{ACT}"><script>{ACT}</script></svg>'
BREAKOUTS = f"\"'></textarea></title></style></script>{SCRIPT}{IMAGE}<!--"
MARKDOWN = f"""# {IMAGE}

[click](javascript:{ACT}) [click](JaVaScRiPt&colon;alert(1)) [data](data:text/html,{SCRIPT})
<javascript:alert(1)> [file](vbscript:x) ![picture](javascript:alert(1)) ![far](https://canary.example/p.png)
[title](https://example.com "x\\" onmouseover=\\"{ACT}")

{SCRIPT}

<iframe srcdoc="{SCRIPT}"></iframe><object data="data:text/html,{SCRIPT}"></object>
<a href="javascript:{ACT}">click</a><form action="/canary-form"><button>go</button></form>
<meta http-equiv="refresh" content="0;url=/canary-meta"><base href="https://canary.example/">
<link rel="stylesheet" href="/canary-style"><style>body{{background:url(/canary-css)}}</style>

{{{{ 7*7 }}}} {{% debug %}} ${{alert(1)}}
"""
TEXTS = {
    "html": f'<!doctype html><html><body onload="{ACT}">{SCRIPT}</body></html>',
    "svg": SVG,
    "xml": f'<?xml version="1.0"?><?xml-stylesheet href="/canary-xsl"?>{SVG}',
    "script": ACT,
    "markdown": MARKDOWN,
    "breakouts": BREAKOUTS,
}


def polyglot(kind: str) -> bytes:
    """A picture with a page in its comments, its texts and behind its end."""
    out = io.BytesIO()
    options: dict[str, Any] = {"comment": SCRIPT.encode()} if kind in ("JPEG", "GIF") else {}
    if kind == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("parameters", f"{BREAKOUTS}\nSteps: 1, Seed: 2, Model: {IMAGE}")
    Image.linear_gradient("L").resize((90, 60)).convert("RGB").save(out, kind, **options)
    return out.getvalue() + TEXTS["html"].encode()


@pytest.fixture
def hostile(alice: User, penora: ClientApp, imagegene: ClientApp) -> list[Project]:
    """One project of each hostile kind, one of them in the trash, all with hostile names."""
    names: dict[str, Any] = {"title": BREAKOUTS[:200], "tags": [SCRIPT[:50], IMAGE[:50]]}
    names["metadata"] = {"prompt": MARKDOWN, IMAGE: SCRIPT, "url": f"javascript:{ACT}", "deep": {"a": [BREAKOUTS]}}
    charge = {"amount": 1, "description": BREAKOUTS}
    made = []
    for text in TEXTS.values():
        prepared = content.prepare(project_type="text", content=text)
        made.append(save(alice, penora, prepared=prepared, charge=charge, **names).project)
    for kind in ("PNG", "JPEG", "GIF"):
        prepared = content.prepare(project_type="ai_art", content=polyglot(kind))
        made.append(save(alice, imagegene, project_type="ai_art", prepared=prepared, **names).project)
    gone = save(alice, penora, prepared=content.prepare(project_type="text", content=MARKDOWN + "x"), **names).project
    services.trash(user=alice, app=None, project_code=gone.code)
    return [*made, gone]


@pytest.fixture(autouse=True)
def hostile_names(alice: User, penora: ClientApp) -> None:
    """What apps may choose besides: a person's name and an app's."""
    User.objects.filter(pk=alice.pk).update(username=BREAKOUTS[:150])
    ClientApp.objects.filter(pk=penora.pk).update(name=BREAKOUTS[:100])


class Watch:
    """What ran in a window, by the three ways of being noticed."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.asked: list[str] = []
        visit.page.context.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> Response | None:
        """Go there and stay a moment; None when it is a file to keep."""
        try:
            answer = self.visit.page.goto(path, wait_until="load")
        except Error as error:
            if "Download is starting" not in error.message and "ERR_ABORTED" not in error.message:
                raise
            return None
        self.visit.page.wait_for_timeout(30)
        assert not self.visit.page.evaluate("window.ran"), path
        return answer

    @property
    def stopped(self) -> list[str]:
        """Scripts that only the policy kept from running: they should not have been in the page at all."""
        words = ("Executing inline", "Running the JavaScript", "Loading the script", "Blocked script")
        return [error for error in self.visit.errors if any(word in error for word in words)]

    @property
    def ran(self) -> list[str]:
        canaries = [url for url in self.asked if "canary" in urlsplit(url).path + urlsplit(url).netloc]
        return [*self.visit.dialogs, *canaries]


def links(page: Page) -> list[str]:
    return [
        str(link) for link in page.evaluate("[...document.querySelectorAll('a[href], area[href]')].map(a => a.href)")
    ]


def crawled(watch: Watch, *starts: str, most: int = 80) -> Iterator[str]:
    """Every page that can be reached from these by links, but for ways out."""
    waiting, seen = list(starts), set(starts)
    for path in waiting:
        answer = watch.open(path)
        yield path
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert not [link for link in links(watch.visit.page) if not link.startswith(("http:", "https:", "mailto:"))]
        for link in links(watch.visit.page):
            here = urldefrag(link)[0].removeprefix(watch.visit.base)
            if here.startswith("/") and here not in seen and "logout" not in here and len(seen) < most:
                seen.add(here)
                waiting.append(here)


def test_nothing_runs_on_any_page(visitor: Any, alice: User, hostile: list[Project]) -> None:
    watch = Watch(visitor(alice))
    starts = ["/", "/projects/", "/storage/", "/credits/", "/account/", "/projects/?q=script", "/projects/?trashed=1"]
    opened = list(crawled(watch, *starts, *(f"/projects/{project.code}/" for project in hostile)))
    assert len(opened) > 30
    assert watch.ran == []
    assert watch.stopped == []
    assert watch.visit.foreign == []


def test_nothing_runs_at_any_address_of_the_bytes(visitor: Any, alice: User, hostile: list[Project]) -> None:
    watch = Watch(visitor(alice))
    kinds = set()
    for project in hostile:
        formats = ("txt", "md") if project.is_text else ("png", "jpeg", "webp", "avif")
        page, call = f"/projects/{project.code}/content", f"/api/unified/project/{project.code}"
        addresses = [page, f"{page}?download=1", *(f"{page}?format={name}" for name in formats)]
        for address in [*addresses, call, f"{call}/content", f"{call}/thumbnail"]:
            answer = watch.open(address)
            kinds.add(answer.headers["content-type"].split(";")[0] if answer else "a file")
    assert {"image/png", "image/avif", "image/webp", "text/plain", "application/json", "a file"} <= kinds
    assert not [kind for kind in kinds if kind.endswith(("html", "xml", "javascript"))]
    assert watch.ran == []


def test_nothing_runs_when_our_own_pages_embed_the_bytes(visitor: Any, alice: User, hostile: list[Project]) -> None:
    watch = Watch(visitor(alice))
    watch.open("/account/")
    embed = """(addresses) => Promise.all(addresses.flatMap(address =>
        ["script", "iframe", "object", "embed", "img", "link"].map(tag => new Promise(done => {
            const element = document.createElement(tag);
            element.onload = element.onerror = done;
            if (tag === "link") { element.rel = "stylesheet"; element.href = address; }
            else if (tag === "object") { element.data = address; }
            else { element.src = address; }
            document.body.append(element);
            setTimeout(done, 1500);
        }))))"""
    addresses = [f"/projects/{project.code}/content" for project in hostile]
    watch.visit.page.evaluate(embed, addresses)
    assert len([url for url in watch.asked if url.endswith("/content")]) >= len(addresses)
    assert not watch.visit.page.evaluate("window.ran")
    assert watch.ran == []


def test_nothing_runs_at_the_support_desk(visitor: Any, staff: User, alice: User, hostile: list[Project]) -> None:
    watch = Watch(visitor(staff))
    starts = [
        "/admin/",
        f"/admin/accounts/user/{alice.pk}/change/",
        "/admin/workspace/project/",
        "/admin/credits/entry/",
    ]
    starts += [f"/admin/workspace/project/{project.pk}/change/" for project in hostile]
    opened = list(crawled(watch, *starts, most=40))
    assert len(opened) > 20
    assert watch.ran == []
    assert watch.stopped == []


def test_nothing_runs_where_reasons_and_labels_are_read(
    visitor: Any, staff: User, alice: User, penora: ClientApp
) -> None:
    reason = BREAKOUTS[:500]
    charged = credits.charge(user=alice, app=penora, amount=3, description=reason)
    credits.refund(user=alice, app=penora, entry_id=charged.id, amount=1, reason=reason)
    credits.grant_once(key=BREAKOUTS[:100], users=[alice], amount=2, reason=reason, made_by=staff)
    credits.adjust(user=alice, amount=-1, reason=reason)
    held = credits.hold(user=alice, app=penora, amount=1, description=reason)
    key, _ = accounts.create_api_key(app=penora, label=BREAKOUTS[:100])
    accounts.revoke_api_key(key=key)
    person = visitor(alice, user_agent=BREAKOUTS[:200].replace("\n", " "))
    own, desk = Watch(person), Watch(visitor(staff))
    list(crawled(own, "/credits/", "/account/", "/accounts/sessions/", most=20))
    starts = [
        f"/admin/accounts/user/{alice.pk}/change/",
        "/admin/accounts/auditentry/",
        f"/admin/accounts/apikey/{key.pk}/change/",
        f"/admin/credits/entry/{charged.id}/change/",
        f"/admin/credits/hold/{held.id}/change/",
        "/admin/credits/grant/",
        "/admin/usersessions/usersession/",
    ]
    list(crawled(desk, *starts, most=25))
    assert [own.ran, desk.ran] == [[], []]
    assert [own.stopped, desk.stopped] == [[], []]


def test_the_watch_sees_what_runs(visitor: Any, alice: User) -> None:
    watch = Watch(visitor(alice))
    watch.open("/account/")
    with watch.visit.page.expect_request("**/canary-*"):
        watch.visit.page.evaluate(ACT)
    assert watch.visit.page.evaluate("window.ran") == 1
    assert [bool(watch.visit.dialogs), any("canary" in url for url in watch.asked)] == [True, True]
    with watch.visit.page.expect_console_message(lambda message: "inline" in message.text):
        watch.visit.page.evaluate("html => { document.body.innerHTML = html }", IMAGE)
    assert len(watch.stopped) == 1
