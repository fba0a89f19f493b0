"""The storage page: room made in one click, the cost said before, the way back after; choices; where the bytes went."""

import csv
import io
import random

import pytest
from django.utils.html import escape

from accounts.models import User
from workspace import content, services
from workspace.models import Project, Workspace
from workspace.templatetags.sizes import size
from workspace.tests.cast import LIMIT, adds_up, noise, save, used
from workspace.tests.page_cast import join, make_app, paint, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client) -> User:
    user = join("ann")
    client.force_login(user)
    return user


def photo(user: User, title: str, seed: int = 96) -> Project:
    prepared = content.prepare(project_type="image", content=noise(seed, seed))
    app = make_app("imagegene")
    return services.save_project(user=user, app=app, project_type="image", title=title, prepared=prepared).project


def page(client) -> str:
    return client.get("/storage/").content.decode()


def test_compressing_says_before_what_it_frees_and_costs(client, ann) -> None:
    made = photo(ann, "A <b>storm</b>")
    said = page(client)
    assert "frees about" in said
    assert "quality 60 → 45" in said
    assert "so this can be undone" in said
    assert escape("A <b>storm</b>") in said
    before = used(ann)
    form = {"code": made.code, "agreed": "1", "next": "/storage/"}
    answer = client.post("/projects/compress", form, follow=True)
    assert answer.redirect_chain == [("/storage/", 302)]
    assert "1 project is compressed" in answer.content.decode()
    assert used(ann) < before
    assert "Nothing here could be made much smaller" in page(client)
    assert adds_up(ann)


def test_all_that_can_be_compressed_is_one_click(client, ann) -> None:
    made = [photo(ann, f"Number {number}", 64 + number) for number in range(7)]
    said = page(client)
    assert said.count("frees about") == 5
    assert "Compress all 7 and free about" in said
    codes = ",".join(project.code for project in made)
    answer = client.post("/projects/compress", {"code": codes, "agreed": "1", "next": "/storage/"}, follow=True)
    assert "7 projects are compressed" in answer.content.decode()


def test_what_was_deleted_in_one_click_comes_back_in_one(client, ann) -> None:
    made = paint(ann, "A picture")
    said = client.post(f"/projects/{made.code}/delete", {"next": "/storage/"}, follow=True).content.decode()
    assert "“A picture” is in the trash." in said
    assert 'action="/projects/restore"' in said
    client.post("/projects/restore", {"code": made.code, "next": "/storage/"})
    assert Project.objects.get().trashed_at is None


def test_the_bytes_history_is_shown_with_its_causes_and_pages(client, ann) -> None:
    other = write(join("bob"), "Bob's diary")
    made = [write(ann, f"Page {number}", str(number) * 40) for number in range(16)]
    services.purge(user=ann, app=None, project_code=made[3].code)
    said = page(client)
    assert "Where the bytes went" in said
    assert "Deleted for good" in said
    assert "−40" in said or "-40" in said
    assert "Page 15" in said
    assert "Page 1</span>" not in said.split("Where the bytes went")[1]
    assert "Page 1</span>" in client.get("/storage/?page=2").content.decode()
    assert other.title not in said


def test_the_bytes_history_can_be_kept_as_a_table(client, ann) -> None:
    write(join("bob"), "Bob's diary")
    write(ann, "+Page", "x" * 40)
    answer = client.get("/storage/statement.csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(row["cause"], row["title"], row["delta_bytes"]) for row in rows] == [("saved", "'+Page", "40")]
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("ticked", "chosen"),
    [
        ({}, (False, False, None)),
        ({"make_room_from_trash": "on"}, (True, False, None)),
        ({"fit": "on", "reduce": "on"}, (False, True, 2_048)),
    ],
)
def test_what_happens_when_something_does_not_fit_is_chosen_here(client, ann, ticked, chosen) -> None:
    services.set_preferences(user=ann, make_room_from_trash=False, fit=False, max_edge=None)
    answer = client.post("/storage/preferences", ticked, follow=True)
    assert "From now on" in answer.content.decode()
    assert Workspace.objects.values_list("make_room_from_trash", "fit", "max_edge").get() == chosen
    assert answer.content.decode().count(" checked") == len(ticked)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (1_000, "Your workspace is over full by"),
        (5_000, "Your workspace is full."),
        (5_200, "Your workspace is almost full:"),
        (6_000, "Your workspace is filling up:"),
        (7_000, ""),
    ],
)
@pytest.mark.parametrize("path", ["/", "/projects/", "/storage/"])
def test_every_page_says_how_little_room_is_left(client, ann, path: str, limit: int, sentence: str) -> None:
    prepared = content.prepare_text("x" * 5_000, "none")
    services.save_project(user=ann, app=make_app("penora"), project_type="text", title="Long", prepared=prepared)
    services.set_limit(user=ann, limit_bytes=limit)
    said = client.get(path).content.decode()
    assert (sentence in said) if sentence else ("Your workspace is" not in said)


def test_an_over_full_workspace_still_opens_downloads_and_deletes(client, ann) -> None:
    made = write(ann, "Long", "word " * 400)
    services.set_limit(user=ann, limit_bytes=10)
    assert client.get(f"/projects/{made.code}/").status_code == 200
    assert client.get(f"/projects/{made.code}/content?download=1").status_code == 200
    client.post(f"/projects/{made.code}/delete")
    client.post("/storage/trash/empty")
    assert (Project.objects.count(), used(ann)) == (0, 0)


def test_strangers_and_other_methods_change_nothing(client, stored) -> None:
    user = join("ann")
    services.workspace_of(user=user)
    before = stored()
    for path in ("/storage/preferences", "/storage/statement.csv", "/storage/"):
        assert client.get(path).status_code in (302, 405)
    assert client.post("/storage/preferences", {"fit": "on"}).status_code == 302
    assert stored() == before


def test_a_text_shows_what_it_is_and_what_it_takes(client, ann) -> None:
    words = " ".join(random.Random(1).choices([f"word{number}" for number in range(400)], k=4_000))
    prepared = content.prepare_text(words, "auto")
    made = save(ann, make_app("penora"), prepared=prepared).project
    assert 3 * made.file_size_bytes < made.original_size_bytes == len(words)
    said = client.get(f"/projects/{made.code}/").content.decode()
    assert f"<dt>Takes</dt><dd>{size(made.file_size_bytes)}" in said
    assert f"<dt>Original</dt><dd>{size(made.original_size_bytes)}" in said


def test_how_many_more_pictures_fit_goes_by_ones_own(client, ann) -> None:
    made = photo(ann, "One", 300)
    report = services.storage_report(user=ann)
    fit = (LIMIT - made.file_size_bytes) // made.file_size_bytes
    assert (report["typical_picture_bytes"], report["pictures_that_fit"]) == (made.file_size_bytes, fit)
    assert f"About <b>{fit} more pictures</b> fit." in page(client)


def test_a_long_trash_has_pages_of_its_own(client, ann) -> None:
    made = [write(ann, f"Page {number}").code for number in range(21)]
    services.trash_many(user=ann, app=None, project_codes=made)
    first, second = page(client), client.get("/storage/?trash=2").content.decode()
    assert 'href="?trash=2#trash"' in first
    assert (first.count('id="t-'), second.count('id="t-')) == (20, 1)


def test_the_bar_of_a_workspace_over_its_limit_shows_every_app_and_where_the_limit_is(client, ann) -> None:
    photo(ann, "A storm")
    write(ann, "A page", "x" * 300)
    held = used(ann)
    Workspace.objects.filter(user=ann).update(limit_bytes=held // 2, excess_bytes=held - held // 2)
    shown = client.get("/storage/").context["meter"]
    assert shown.brim == pytest.approx(50, abs=0.5)
    assert [segment.slug for segment in shown.segments] == ["imagegene", "penora"]
    assert sum(segment.width for segment in shown.segments) == pytest.approx(100, abs=0.1)
    assert 'class="brim"' in page(client)


def test_a_new_person_is_told_how_much_is_free_of_their_own_limit(client, ann) -> None:
    services.workspace_of(user=ann)
    Workspace.objects.filter(user=ann).update(limit_bytes=5 * 1_048_576)
    assert "Nothing yet: all of 5 MB is free." in page(client)


def test_emptying_the_trash_is_offered_where_room_is_made(client, ann) -> None:
    made = photo(ann, "A storm")
    asks = 'popovertarget="empty-trash">'
    assert asks not in page(client)
    services.trash(user=ann, app=None, project_code=made.code)
    said = page(client)
    assert f"What is in the trash still takes {size(used(ann))}." in said
    assert said.count(asks) == 2


def test_bytes_in_use_are_not_spent_in_german(client, ann) -> None:
    photo(ann, "A storm")
    said = client.get("/storage/", headers={"Accept-Language": "de"}).content.decode()
    assert '<th scope="col" class="number balance">Belegt</th>' in said
