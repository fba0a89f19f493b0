"""Pictures over HTTP: how they were made, the mark, and what was done to them and said."""

import io
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rest_framework.test import APIClient

from accounts.models import User
from workspace import services
from workspace.image_marks import is_marked
from workspace.models import Project
from workspace.tests.cast import BASE, adds_up, base64_of, body_of, noise, picture, saved

pytestmark = pytest.mark.django_db
LINES = "a red boat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 42, Model: sea"
RECIPE = {
    "prompt": "a red boat",
    "negative_prompt": "blurry",
    "steps": 20,
    "sampler": "Euler",
    "cfg_scale": 7.0,
    "seed": 42,
    "model": "sea",
}


def with_recipe(text: str = LINES) -> str:
    chunks, out = PngInfo(), io.BytesIO()
    chunks.add_text("parameters", text)
    Image.open(io.BytesIO(noise(60, 40))).save(out, "PNG", pnginfo=chunks)
    return base64_of(out.getvalue())


def image(**fields: Any) -> dict[str, Any]:
    return {"app_source": "imagegene", "project_type": "image", "content": base64_of(noise(60, 40)), **fields}


def stored_of(api: APIClient, made: dict[str, Any], query: str = "") -> bytes:
    return api.get(f"{BASE}/project/{made['project_code']}/content?user_id=alice{query}").content


def test_the_recipe_in_a_file_goes_to_metadata_and_out_of_the_file(alice: User, imagegene_api: APIClient) -> None:
    made = saved(imagegene_api, **image(content=with_recipe(), metadata={"prompt": "mine", "style": "oil"}))
    assert made["metadata"] == {**RECIPE, "prompt": "mine", "style": "oil"}
    data = stored_of(imagegene_api, made)
    assert not any(word in data for word in (b"red boat", b"parameters", b"Sampler"))
    assert is_marked(data)
    found = imagegene_api.get(f"{BASE}/projects?user_id=alice&q=euler").json()
    assert [item["project_code"] for item in found["all_projects"]] == [made["project_code"]]


def test_new_content_brings_its_recipe_and_keeps_the_rest(alice: User, imagegene_api: APIClient) -> None:
    made = saved(imagegene_api, **image(metadata={"prompt": "old", "style": "oil"}))
    path = f"{BASE}/project/{made['project_code']}"
    change: dict[str, Any] = {"user_id": "alice", "content": with_recipe()}
    assert imagegene_api.patch(path, change, format="json").json()["metadata"] == {**RECIPE, "style": "oil"}
    change = {"user_id": "alice", "content": with_recipe(LINES.replace("boat", "car")), "metadata": {"a": 1}}
    assert imagegene_api.patch(path, change, format="json").json()["metadata"]["prompt"] == "a red car"


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ({}, False),
        ({"metadata": {"camera": "Leica", "model": "M3"}}, False),
        ({"metadata": {"prompt": ""}}, False),
        ({"project_type": "ai_art"}, True),
        ({"metadata": {"prompt": "a boat"}}, True),
        ({"content": with_recipe()}, True),
    ],
)
def test_what_was_generated_is_marked_and_a_photograph_is_not(
    alice: User, imagegene_api: APIClient, fields: dict[str, Any], marked: bool
) -> None:
    made = saved(imagegene_api, **image(**fields))
    for query in ("", "&format=png", "&format=jpeg", "&format=webp", "&format=avif"):
        assert is_marked(stored_of(imagegene_api, made, query)) is marked
    assert Project.objects.get().encoder.get("marked", False) is marked


def test_a_long_edge_is_reduced_when_asked_and_only_then(alice: User, imagegene_api: APIClient) -> None:
    large = base64_of(picture(2_600, 1_300))
    kept = saved(imagegene_api, **image(content=large))
    assert (kept["width"], kept["height"], "fit_applied" in kept) == (2_600, 1_300, False)
    made = saved(imagegene_api, **image(content=large, max_edge=2_048))
    assert (made["width"], made["height"]) == (2_048, 1_024)
    assert made["fit_applied"] == {"resized": {"max_edge": 2_048, "from": [2_600, 1_300], "to": [2_048, 1_024]}}
    assert made["duplicate_of"] is None
    small = saved(imagegene_api, **image(max_edge=2_048))
    assert (small["width"], small["fit_applied"]) == (60, None)


def test_the_users_setting_reduces_and_fits_for_every_app(alice: User, imagegene_api: APIClient) -> None:
    services.set_preferences(user=alice, make_room_from_trash=False, fit=True, max_edge=512)
    made = saved(imagegene_api, **image(content=base64_of(picture(800, 400))))
    assert (made["width"], made["height"]) == (512, 256)
    assert made["fit_applied"]["resized"]["to"] == [512, 256]
    assert made["fit_applied"]["applied"] is False


def test_a_form_takes_the_same_terms(alice: User, imagegene_api: APIClient) -> None:
    upload = io.BytesIO(picture(600, 300))
    upload.name = "boat.png"
    form = {**body_of(app_source="imagegene", project_type="image", content=None), "file": upload, "max_edge": "300"}
    made = imagegene_api.post(f"{BASE}/save-project", form, format="multipart").json()
    assert (made["width"], made["height"]) == (300, 150)


def test_a_change_of_content_takes_the_same_terms(alice: User, imagegene_api: APIClient) -> None:
    made = saved(imagegene_api, **image())
    change = {"user_id": "alice", "content": base64_of(picture(600, 300)), "max_edge": 300, "compression": "lossless"}
    answer = imagegene_api.patch(f"{BASE}/project/{made['project_code']}", change, format="json").json()
    assert (answer["width"], answer["fit_applied"]["resized"]["from"]) == (300, [600, 300])
    assert Project.objects.get().encoder["lossless"] is True
    assert adds_up(alice)


@pytest.mark.parametrize("terms", [{"fit": True}, {"max_edge": 300}, {"compression": "none"}])
def test_terms_without_content_are_refused_by_name(alice: User, imagegene_api: APIClient, terms: Any) -> None:
    made = saved(imagegene_api, **image())
    answer = imagegene_api.patch(
        f"{BASE}/project/{made['project_code']}", {"user_id": "alice", "title": "New", **terms}, format="json"
    )
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, list(terms))


@pytest.mark.parametrize("value", [None, 0, 15, 16_384, -1, "300", 300.0, True, [], {}])
def test_a_long_edge_that_is_none_is_refused(alice: User, imagegene_api: APIClient, value: Any) -> None:
    answer = imagegene_api.post(
        f"{BASE}/save-project", body_of(**image(), max_edge=0) | {"max_edge": value}, format="json"
    )
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, ["max_edge"])


def test_a_picture_that_is_there_already_fits_a_full_workspace_as_it_is(alice: User, imagegene_api: APIClient) -> None:
    first = saved(imagegene_api, **image())
    services.set_limit(user=alice, limit_bytes=first["file_size_bytes"])
    again = saved(imagegene_api, **image(fit=True))
    assert (again["duplicate_of"], again["file_size_bytes"], again["fit_applied"]) == (first["project_code"], 0, None)
    assert adds_up(alice)


def test_a_text_can_be_sent_with_terms_for_pictures(alice: User, penora_api: APIClient) -> None:
    made = saved(penora_api, fit=True, max_edge=300)
    assert made["fit_applied"] is None
