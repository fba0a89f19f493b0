"""A project's bytes over HTTP: what arrives, and the headers that keep it from acting."""

import io

import pytest
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from workspace.delivery import SANDBOX
from workspace.tests.cast import BASE, base64_of, picture, saved

pytestmark = pytest.mark.django_db
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": SANDBOX,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


@pytest.fixture
def art(alice: User, imagegene_api: APIClient) -> str:
    """The path of a picture of 800 by 600 pixels."""
    made = saved(
        imagegene_api, app_source="imagegene", project_type="image", content=base64_of(picture(800, 600, "JPEG"))
    )
    return f"{BASE}/project/{made['project_code']}"


@pytest.fixture
def page(alice: User, penora_api: APIClient) -> str:
    """The path of a text that would be a script if somebody let it."""
    made = saved(penora_api, content="<script>alert(1)</script>\r\n" * 60)
    return f"{BASE}/project/{made['project_code']}"


def test_a_pictures_bytes_are_the_picture(art: str, penora_api: APIClient) -> None:
    answer = penora_api.get(f"{art}/content?user_id=alice")
    assert answer.status_code == 200
    assert answer["Content-Type"] in {"image/avif", "image/webp"}
    assert Image.open(io.BytesIO(answer.content)).size == (800, 600)
    assert {name: answer[name] for name in SAFE} == SAFE


def test_a_thumbnail_is_small_webp(art: str, penora_api: APIClient) -> None:
    answer = penora_api.get(f"{art}/thumbnail?user_id=alice")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert max(Image.open(io.BytesIO(answer.content)).size) == 320
    assert {name: answer[name] for name in SAFE} == SAFE


def test_a_texts_bytes_are_plain_text_and_cannot_run(page: str, penora_api: APIClient) -> None:
    answer = penora_api.get(f"{page}/content?user_id=alice")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content == b"<script>alert(1)</script>\r\n" * 60
    assert {name: answer[name] for name in SAFE} == SAFE


def test_a_text_has_no_thumbnail(page: str, penora_api: APIClient) -> None:
    answer = penora_api.get(f"{page}/thumbnail?user_id=alice")
    assert (answer.status_code, answer.json()["code"]) == (404, "project_not_found")


@pytest.mark.parametrize("part", ["content", "thumbnail"])
def test_bytes_answer_304_to_who_has_them(art: str, imagegene_api: APIClient, part: str) -> None:
    url = f"{art}/{part}?user_id=alice"
    etag = imagegene_api.get(url)["ETag"]
    again = imagegene_api.get(url, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert imagegene_api.get(url, HTTP_IF_NONE_MATCH='"another"').status_code == 200
    change = {"user_id": "alice", "content": base64_of(picture(40, 40))}
    assert imagegene_api.patch(art, change, format="json").status_code == 200
    assert imagegene_api.get(url, HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_content_and_thumbnail_have_different_etags(art: str, imagegene_api: APIClient) -> None:
    tags = {imagegene_api.get(f"{art}{part}?user_id=alice")["ETag"] for part in ("", "/content", "/thumbnail")}
    assert len(tags) == 3


def test_head_answers_the_headers_alone(art: str, imagegene_api: APIClient) -> None:
    whole = imagegene_api.get(f"{art}/content?user_id=alice")
    head = imagegene_api.head(f"{art}/content?user_id=alice")
    assert (head.status_code, head["ETag"], head["Content-Type"]) == (200, whole["ETag"], whole["Content-Type"])
    assert head.content == b""


@pytest.mark.parametrize("part", ["content", "thumbnail"])
def test_bytes_need_a_well_formed_query(art: str, imagegene_api: APIClient, part: str) -> None:
    answer = imagegene_api.get(f"{art}/{part}?user_id=alice&size=large")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["size"]


def test_bytes_in_the_trash_can_still_be_looked_at(art: str, imagegene_api: APIClient) -> None:
    assert imagegene_api.delete(f"{art}?user_id=alice").status_code == 200
    assert imagegene_api.get(f"{art}/thumbnail?user_id=alice").status_code == 200
