"""What a person is told about their workspace: the storage report, and search and filters over their projects."""

from functools import partial

import pytest

from accounts.models import ClientApp, User
from workspace import content, services
from workspace.models import Project
from workspace.search_index import tag_term
from workspace.tests.cast import LIMIT, picture, save, used

pytestmark = pytest.mark.django_db


def codes(projects) -> list[str]:
    return sorted(project.code for project in projects)


@pytest.fixture
def shelf(alice: User, penora: ClientApp, imagegene: ClientApp) -> dict[str, str]:
    """Two texts and a picture of Alice's, one more text in the trash; their codes by name."""
    art = content.prepare(project_type="ai_art", content=picture())
    made = {
        "long": save(alice, penora, 3_000),
        "short": save(alice, penora, 1_000),
        "art": save(alice, imagegene, prepared=art, project_type="ai_art"),
        "gone": save(alice, penora, 500),
    }
    services.trash(user=alice, app=None, project_code=made["gone"].project.code)
    return {name: saved.project.code for name, saved in made.items()}


def test_the_storage_report_adds_up(alice: User, shelf: dict[str, str]) -> None:
    report = services.storage_report(user=alice)
    breakdown, stats = report["breakdown"], report["storage_stats"]
    parts = [breakdown[f"{part}_bytes"] for part in ("penora", "imagegene", "trash")]
    assert parts[0] == 4_000
    assert parts[2] == 500
    assert sum(parts) == stats["used_bytes"] == used(alice)
    assert stats["used_bytes"] + stats["available_bytes"] == stats["limit_bytes"] == LIMIT
    counted = (breakdown["penora_projects"], breakdown["imagegene_projects"], breakdown["trash_projects"])
    assert counted == (2, 1, 1)
    assert breakdown["total_projects"] == 3
    assert sum(kind["bytes"] for kind in report["by_type"].values()) == parts[0] + parts[1]
    assert sum(kind["projects"] for kind in report["by_type"].values()) == 3


def test_the_storage_report_names_the_largest_live_projects_first(alice: User, shelf: dict[str, str]) -> None:
    largest = services.storage_report(user=alice)["largest"]
    sizes = [project.file_size_bytes for project in largest]
    assert sizes == sorted(sizes, reverse=True)
    assert largest[0].code == shelf["long"]
    assert shelf["gone"] not in codes(largest)


def test_about_how_many_more_pictures_fit_is_told_by_the_median_of_ones_own(alice: User, imagegene: ClientApp) -> None:
    assert services.storage_report(user=alice)["pictures_that_fit"] == LIMIT // (61 * 1_024)
    for size in (10_000, 20_000, 400_000):
        save(alice, imagegene, size, project_type="image")
    save(alice, imagegene, 5)
    services.hold(user=alice, app=imagegene, amount=1, storage_bytes=100_000)
    report = services.storage_report(user=alice)
    assert report["typical_picture_bytes"] == 20_000
    assert report["pictures_that_fit"] == (LIMIT - 430_005 - 100_000) // 20_000


def test_no_more_pictures_fit_when_everything_that_is_free_is_held(alice: User, imagegene: ClientApp) -> None:
    services.hold(user=alice, app=imagegene, amount=1, storage_bytes=LIMIT)
    assert services.storage_report(user=alice)["pictures_that_fit"] == 0


def test_the_storage_report_says_what_compression_saved(alice: User, penora: ClientApp) -> None:
    save(alice, penora, prepared=content.prepare_text("tide " * 2_000, "auto"))
    report = services.storage_report(user=alice)
    assert report["original_bytes"] == 10_000
    assert report["saved_by_compression_bytes"] == 10_000 - used(alice)


def test_the_storage_report_shows_bytes_on_hold(alice: User, penora: ClientApp) -> None:
    services.hold(user=alice, app=penora, amount=1, storage_bytes=700)
    assert services.storage_report(user=alice)["reserved_bytes"] == 700


def test_an_empty_workspace_has_an_empty_report(alice: User) -> None:
    report = services.storage_report(user=alice)
    assert report["storage_stats"]["used_bytes"] == 0
    assert report["breakdown"]["total_projects"] == 0
    assert (report["by_type"], report["largest"]) == ({}, [])


@pytest.mark.parametrize("words", ["harbour", "HARBOUR", "night harbour", "cobalt", "straße", "blue", "100%"])
def test_search_finds_words_in_title_text_tags_and_metadata(alice: User, penora: ClientApp, words: str) -> None:
    prepared = content.prepare_text("A walk down the Straße at night, 100% true.", "auto")
    wanted = save(
        alice, penora, prepared=prepared, title="The Harbour", tags=["Blue"], metadata={"palette": ["cobalt", 7]}
    )
    save(alice, penora, 10)
    assert codes(Project.objects.owned_by(alice).matching(words, alice)) == [wanted.project.code]


@pytest.mark.parametrize("words", ["harbour cobalt missing", "palette", "1_0%", "%"])
def test_search_needs_every_word_and_knows_no_wildcards(alice: User, penora: ClientApp, words: str) -> None:
    save(alice, penora, title="The Harbour", metadata={"palette": "cobalt"})
    assert codes(Project.objects.owned_by(alice).matching(words, alice)) == []


def test_search_follows_a_change_of_title_and_metadata(alice: User, penora: ClientApp) -> None:
    # PostgreSQL hands an object's keys back in its own order and numbers in its own spelling.
    metadata = {"zebra": "first", "a": "second", "size": 1e5}
    prepared = content.prepare_text("steady body", "auto")
    code = save(alice, penora, prepared=prepared, title="Oldtitle", metadata=metadata, tags=["b", "a"]).project.code
    for title in ("Middletitle", "Newtitle"):
        services.update_project(user=alice, app=None, project_code=code, changes={"title": title})
    services.update_project(user=alice, app=None, project_code=code, changes={"metadata": {"k": "third"}})
    found = Project.objects.owned_by(alice)
    assert codes(found.matching("newtitle third steady body", alice)) == [code]
    assert [codes(found.matching(word, alice)) for word in ("oldtitle", "middletitle", "first", "second")] == [[]] * 4


def test_a_tag_filter_finds_that_very_tag(alice: User, penora: ClientApp) -> None:
    red = save(alice, penora, tags=["red", "big_sky"]).project.code
    upper = save(alice, penora, tags=["Red"]).project.code
    reddish = save(alice, penora, tags=["reddish", "big sky"]).project.code
    tagged = partial(Project.objects.owned_by(alice).tagged, owner=alice)
    assert (codes(tagged("red")), codes(tagged("Red"))) == ([red], [upper])
    assert (codes(tagged("big_sky")), codes(tagged("big sky"))) == ([red], [reddish])
    assert codes(tagged("re")) == []


def test_a_tag_is_no_word_and_a_word_no_tag(alice: User, penora: ClientApp) -> None:
    code = save(alice, penora, tags=["red"], title="Blue").project.code
    found = Project.objects.owned_by(alice)
    assert codes(found.tagged("Blue", alice)) == []
    assert codes(found.matching(f"tag {tag_term('red').removeprefix('tag.')}", alice)) == []
    assert codes(found.matching("red", alice)) == [code]


def test_a_tag_filter_follows_a_change_of_tags(alice: User, penora: ClientApp) -> None:
    code = save(alice, penora, tags=["old"]).project.code
    services.update_project(user=alice, app=None, project_code=code, changes={"tags": ["new"]})
    tagged = partial(Project.objects.owned_by(alice).tagged, owner=alice)
    assert (codes(tagged("new")), codes(tagged("old"))) == ([code], [])


def test_lists_never_load_another_persons_projects(alice: User, bob: User, penora: ClientApp) -> None:
    mine, theirs = save(alice, penora, title="tide").project, save(bob, penora, title="tide").project
    assert codes(Project.objects.owned_by(alice).matching("tide", alice)) == [mine.code]
    assert codes(Project.objects.owned_by(bob).from_app("penora").live()) == [theirs.code]


def test_excerpts_read_like_prose():
    prepared = content.prepare_text("# The **tide** clock\n\n## I\n- one\n> two\n`three` 2*3*4", "auto")
    assert prepared.excerpt == "The tide clock I one two three 2*3*4"
