"""A project's bytes as a program or a browser asks for them: in a format, in part, as a file with a name."""

import io
from typing import Any

import pytest
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from workspace.delivery import SANDBOX
from workspace.models import Project
from workspace.tests.cast import BASE, base64_of, body_of, noise, picture, saved

pytestmark = pytest.mark.django_db
FORMATS = ["png", "jpeg", "webp", "avif"]


@pytest.fixture
def art(alice: User, imagegene_api: APIClient) -> str:
    """The code of a picture stored as AVIF."""
    fields = {"app_source": "imagegene", "project_type": "ai_art", "content": base64_of(noise(120, 90))}
    return str(saved(imagegene_api, title="Red boat", **fields)["project_code"])


@pytest.fixture
def page(alice: User, penora_api: APIClient) -> str:
    """The code of a text of 1,000 bytes, stored compressed."""
    return str(saved(penora_api, title="Night train", content="0123456789" * 100)["project_code"])


@pytest.fixture(params=["api", "page"])
def get(request: pytest.FixtureRequest, alice: User, penora_api: APIClient) -> Any:
    """Asks for a project's content as an app, and as its owner in a browser."""
    browser = Client()
    browser.force_login(alice)

    def ask(code: str, query: str = "", part: str = "content", **headers: str) -> Any:
        if request.param == "api":
            return penora_api.get(f"{BASE}/project/{code}/{part}?user_id=alice&{query}".rstrip("&"), headers=headers)
        return browser.get(f"/projects/{code}/{part}?{query}", headers=headers)

    return ask


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_picture_comes_in_the_format_asked_for(get: Any, art: str, wanted: str) -> None:
    answer = get(art, f"format={wanted}")
    assert (answer.status_code, answer["Content-Type"]) == (200, f"image/{wanted}")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == (wanted.upper(), (120, 90))
    assert b"trainedAlgorithmicMedia" in answer.content
    assert answer["Content-Security-Policy"] == SANDBOX
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_stored_format_is_what_is_stored(get: Any, art: str) -> None:
    stored, asked = get(art), get(art, "format=avif")
    assert (stored.content, stored["ETag"]) == (asked.content, asked["ETag"])


def test_every_format_has_its_etag_and_answers_304_to_it(get: Any, art: str) -> None:
    tags = {wanted: get(art, f"format={wanted}")["ETag"] for wanted in FORMATS}
    assert len(set(tags.values())) == 4
    again = get(art, "format=png", **{"If-None-Match": tags["png"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tags["png"])
    assert get(art, "format=png", **{"If-None-Match": tags["jpeg"]}).status_code == 200


def test_a_text_comes_as_plain_text_or_markdown(get: Any, page: str) -> None:
    for query, kind in (("", "plain"), ("format=txt", "plain"), ("format=md", "markdown")):
        answer = get(page, query)
        assert (answer.status_code, answer["Content-Type"]) == (200, f"text/{kind}; charset=utf-8")
        assert answer.content == b"0123456789" * 100


@pytest.mark.parametrize("wanted", ["png", "gif", "PNG", "svg", "html", "txt "])
def test_a_text_comes_in_no_other_format(get: Any, page: str, wanted: str) -> None:
    assert get(page, f"format={wanted}").status_code == 400


@pytest.mark.parametrize("wanted", ["md", "txt", "gif", "PNG", "svg", "jpg"])
def test_a_picture_comes_in_no_other_format(get: Any, art: str, wanted: str) -> None:
    assert get(art, f"format={wanted}").status_code == 400


def test_the_refusal_of_a_format_names_it(art: str, page: str, penora_api: APIClient) -> None:
    for code, wanted in ((art, "md"), (page, "png"), (art, "gif")):
        problem = penora_api.get(f"{BASE}/project/{code}/content?user_id=alice&format={wanted}").json()
        assert [error["field"] for error in problem["errors"]] == ["format"]


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 9)),
        ("bytes=990-", 206, (990, 999)),
        ("bytes=-10", 206, (990, 999)),
        ("bytes=-5000", 206, (0, 999)),
        ("bytes=999-5000", 206, (999, 999)),
        ("bytes=1000-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=99999999999999999-", 416, None),
        ("bytes=5-2", 200, None),
        ("bytes=-", 200, None),
        ("bytes=0-1,5-6", 200, None),
        ("bytes=a-b", 200, None),
        ("bytes=" + "9" * 5_000 + "-", 200, None),
        ("items=0-9", 200, None),
        ("bytes=٣-", 200, None),
    ],
)
def test_a_range_is_answered_with_that_part(get: Any, page: str, asked: str, status: int, span: Any) -> None:
    answer = get(page, Range=asked)
    assert answer.status_code == status
    if status == 416:
        assert answer["Content-Range"] == "bytes */1000"
        return
    assert answer["Accept-Ranges"] == "bytes"
    if span is None:
        assert (len(answer.content), "Content-Range" in answer) == (1000, False)
    else:
        first, last = span
        assert answer.content == (b"0123456789" * 100)[first : last + 1]
        assert answer["Content-Range"] == f"bytes {first}-{last}/1000"
        assert int(answer["Content-Length"]) == last - first + 1


@pytest.mark.parametrize("query", ["", "format=png"])
def test_the_parts_of_a_picture_make_it_whole(get: Any, art: str, query: str) -> None:
    whole = get(art, query)
    etag, size = whole["ETag"], len(whole.content)
    parts = [get(art, query, **{"Range": f"bytes={at}-{at + 999}", "If-Range": etag}) for at in range(0, size, 1000)]
    assert len(parts) > 1
    assert {part.status_code for part in parts} == {206}
    assert b"".join(part.content for part in parts) == whole.content


def test_who_holds_a_part_of_something_else_gets_it_all(get: Any, page: str) -> None:
    etag = get(page)["ETag"]
    for older in ('"another"', f"W/{etag}", "Sun, 22 Nov 2026 10:00:00 GMT"):
        assert get(page, **{"Range": "bytes=0-9", "If-Range": older}).status_code == 200
    assert get(page, **{"Range": "bytes=0-9", "If-None-Match": etag}).status_code == 304
    assert get(page, **{"If-Match": '"another"'}).status_code == 412


def test_head_tells_the_whole_and_sends_nothing(art: str, penora_api: APIClient) -> None:
    url = f"{BASE}/project/{art}/content?user_id=alice&format=png"
    whole, head = penora_api.get(url), penora_api.head(url, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", str(len(whole.content)))
    assert head["ETag"] == whole["ETag"]


def test_a_download_is_a_file_named_by_its_title(get: Any, art: str, page: str) -> None:
    def names(code: str, query: str) -> str:
        return str(get(code, query)["Content-Disposition"])

    assert names(art, "download=1") == f'attachment; filename="red-boat-{art}.avif"'
    assert names(art, "download=1&format=jpeg") == f'attachment; filename="red-boat-{art}.jpg"'
    assert names(page, "download=1&format=md") == f'attachment; filename="night-train-{page}.md"'
    assert names(page, "download=1") == f'attachment; filename="night-train-{page}.txt"'
    assert names(page, "").startswith("inline")


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Ночной поезд", "filename*=utf-8''%D0%BD%D0%BE"),
        ('a"; filename="evil.exe', 'filename="a-filenameevilexe-'),
        ("../../etc/passwd", 'filename="etcpasswd-'),
        ("<b>:|?*", 'filename="b-'),
        ("...", 'filename="'),
    ],
)
def test_no_title_makes_a_dangerous_name(alice: User, penora_api: APIClient, title: str, told: str) -> None:
    code = saved(penora_api, title=title)["project_code"]
    answer = penora_api.get(f"{BASE}/project/{code}/content?user_id=alice&download=1")
    header = answer["Content-Disposition"]
    assert header.startswith(f"attachment; {told}")
    assert f"{code}.txt" in header


def test_only_an_address_that_names_the_version_may_be_kept_for_ever(get: Any, art: str) -> None:
    for part in ("content", "thumbnail"):
        assert get(art, "v=1", part)["Cache-Control"] == "private, max-age=31536000, immutable"
        assert get(art, "v=2", part)["Cache-Control"] == get(art, "", part)["Cache-Control"] == "private, no-cache"


def test_a_thumbnail_is_small_and_a_text_has_none(get: Any, art: str, page: str) -> None:
    thumbnail = get(art, "", "thumbnail")
    assert (thumbnail.status_code, thumbnail["Content-Type"]) == (200, "image/webp")
    assert get(page, "", "thumbnail").status_code == 404


def test_bob_gets_nothing_in_any_form(alice: User, bob: User, penora_api: APIClient, art: str) -> None:
    browser = Client()
    browser.force_login(bob)
    for query in ("", "format=png", "download=1"):
        assert penora_api.get(f"{BASE}/project/{art}/content?user_id=bob&{query}".rstrip("&")).status_code == 404
        assert browser.get(f"/projects/{art}/content?{query}").status_code == 404


def test_a_moving_picture_moves_in_what_can_move(alice: User, imagegene_api: APIClient) -> None:
    frames = [Image.open(io.BytesIO(picture(60, 40))).rotate(90 * turn) for turn in range(4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=[40, 80, 120, 160], loop=0)
    fields = {"app_source": "imagegene", "project_type": "image", "content": base64_of(out.getvalue())}
    code = saved(imagegene_api, **fields)["project_code"]
    counts = {}
    for wanted in FORMATS:
        answer = imagegene_api.get(f"{BASE}/project/{code}/content?user_id=alice&format={wanted}")
        counts[wanted] = getattr(Image.open(io.BytesIO(answer.content)), "n_frames", 1)
    assert counts == {"png": 4, "jpeg": 1, "webp": 4, "avif": 4}


SPOOF = "report\u202egnp.exe"


def test_a_title_that_reads_in_another_order_is_refused_wherever_one_is_given(alice, penora_api, client, page) -> None:
    """It shows as "reportexe.png" and ends in "exe"."""
    answer = penora_api.post(f"{BASE}/save-project", body_of(title=SPOOF), format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "reordering_character")
    for change in ({"title": SPOOF}, {"tags": [SPOOF]}):
        changed = penora_api.patch(f"{BASE}/project/{page}", {"user_id": "alice", **change}, format="json")
        assert (changed.status_code, changed.json()["errors"][0]["code"]) == (400, "reordering_character")
    client.force_login(alice)
    assert client.post(f"/projects/{page}/rename", {"title": SPOOF}).status_code == 400
    client.post(f"/projects/{page}/tags", {"add": SPOOF})
    project = Project.objects.get(code=page)
    assert SPOOF not in (project.title, *project.tags)


@pytest.mark.parametrize("title", ["\u200fעברית\u200e", "a \u2067עברית\u2069 b", "\u202bعربي\u202c", "\u061cعربي"])
def test_a_title_whose_marks_of_direction_are_closed_is_kept_as_it_is(alice, penora_api, page, title) -> None:
    changed = penora_api.patch(f"{BASE}/project/{page}", {"user_id": "alice", "title": title}, format="json")
    assert (changed.status_code, changed.json()["title"]) == (200, title)


def test_a_stored_title_that_reads_in_another_order_names_no_file_so(alice, get: Any, page: str) -> None:
    Project.objects.filter(code=page).update(title=SPOOF)
    named = get(page, "download=1")["Content-Disposition"]
    assert named == f'attachment; filename="reportgnpexe-{page}.txt"'
