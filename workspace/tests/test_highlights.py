"""What a search shows of what it found, and in which order."""

import time

import pytest

from workspace import content, services
from workspace.highlights import Finder, highlights_of
from workspace.models import Project
from workspace.search import parse
from workspace.tests.cast import BASE, save, saved


def marked(text, words):
    """The excerpt with its matches in brackets."""
    segments = Finder(parse(words)).excerpt(text)
    return "".join(f"[{segment['text']}]" if segment["match"] else segment["text"] for segment in segments)


EXCERPTS = {
    ("The Night Train", "night"): "The [Night] Train",
    ("The Night Train", "trai"): "The Night [Train]",
    ("The Night Train", '"trai"'): "",
    ("night and train", '"night train"'): "",
    ("a night-train, a night train", "night-train"): "a [night-train], a [night train]",
    ("Café CAFÉ cafe", "café"): "[Café] [CAFÉ] [cafe]",
    ("Straße", "strasse"): "[Straße]",
    ("昨日、東京都に", "東京"): "昨日、[東京]都に",
    ("<b>sea</b> & sea", "sea"): "<b>[sea]</b> & [sea]",
    ("sea\n\n sea", "sea"): "[sea] [sea]",
    ("one two", "two one"): "[one] [two]",
    ("", "x"): "",
}


@pytest.mark.parametrize(("text", "words"), EXCERPTS)
def test_an_excerpt_shows_where_the_words_are(text, words):
    assert marked(text, words) == EXCERPTS[text, words]


@pytest.mark.parametrize("word", ["lighthouse", "Leuchttürme", "灯台"])
def test_a_long_text_is_cut_around_the_first_match_between_words(word):
    text = f"{'before and ' * 500} the {word} keeper {'and after ' * 500}"
    shown = marked(text, word)
    assert f"the [{word}] keeper" in shown
    assert (shown[0], shown[-1]) == ("…", "…")
    assert shown[1:7] in ("before", "and be")
    assert len(shown) < 200


def test_what_stands_in_another_spelling_far_down_is_found_too():
    assert "[Über]" in marked("x " * 10_000 + "Über" + " y" * 1_000, "uber")


def test_hostile_text_takes_no_time():
    finder = Finder(parse('"a b c d e" f'))
    began = time.process_time()
    shown = [finder.excerpt(text) for text in ("a " * 200_000, "é" * 400_000, "a b c d " * 60_000, "東" * 100_000)]
    assert shown == [[]] * 4
    assert time.process_time() - began < 2


@pytest.mark.django_db
def test_each_result_says_in_which_fields_and_where(penora_api, alice):
    saved(
        penora_api,
        title="A storm",
        content="# Storm\n\nThe **storm** came at night.",
        metadata={"style": {"mood": ["stormy"]}, "prompt": "storm over <b>sea</b>", "seed": 7},
        tags=["calm", "storm-2"],
    )
    found = penora_api.get(f"{BASE}/projects", {"user_id": "alice", "q": "storm"}).json()
    assert found["all_projects"][0]["highlight"] == [
        {"field": "title", "segments": [{"text": "A ", "match": False}, {"text": "storm", "match": True}]},
        {
            "field": "metadata.prompt",
            "segments": [{"text": "storm", "match": True}, {"text": " over <b>sea</b>", "match": False}],
        },
        {"field": "metadata.style", "segments": [{"text": "stormy", "match": True}]},
    ]
    text = penora_api.get(f"{BASE}/projects", {"user_id": "alice", "q": "came night"}).json()
    assert [part["field"] for part in text["penora_projects"][0]["highlight"]] == ["text"]
    assert text["penora_projects"][0]["highlight"][0]["segments"] == [
        {"text": "Storm The storm ", "match": False},
        {"text": "came", "match": True},
        {"text": " at ", "match": False},
        {"text": "night", "match": True},
        {"text": ".", "match": False},
    ]


@pytest.mark.django_db
def test_a_list_that_was_not_searched_says_nothing_of_matches(penora_api, alice):
    saved(penora_api)
    assert "highlight" not in penora_api.get(f"{BASE}/projects?user_id=alice").json()["all_projects"][0]


@pytest.mark.django_db
def test_excerpts_of_many_texts_take_one_query(alice, penora, django_assert_num_queries):
    for number in range(5):
        save(alice, penora, prepared=content.prepare_text(f"tide {number} " * 100, "auto"), title=f"Page {number}")
    projects = list(Project.objects.owned_by(alice))
    with django_assert_num_queries(1):
        found = highlights_of(projects, "tide")
    assert [[part["field"] for part in parts] for parts in found.values()] == [["text"]] * 5


def titles(answer):
    return [project["title"] for project in answer.json()["all_projects"]]


@pytest.fixture
def shelf(penora_api, alice):
    """Four works with "storm" and "sea" in other places, in the order they were made."""
    saved(penora_api, title="Storm at sea", content="1")
    saved(penora_api, title="By text", content="A storm at sea")
    saved(penora_api, title="By half", content="A storm", metadata={"prompt": "the sea"})
    saved(penora_api, title="By prompt", content="2", metadata={"prompt": "sea and storm"})


@pytest.mark.django_db
def test_by_relevance_what_a_work_is_about_comes_before_what_it_mentions(shelf, penora_api):
    query = {"user_id": "alice", "q": "storm sea", "ordering": "relevance"}
    best = ["By prompt", "Storm at sea", "By half", "By text"]
    assert titles(penora_api.get(f"{BASE}/projects", query)) == best
    assert titles(penora_api.get(f"{BASE}/projects", query | {"ordering": "-relevance"})) == best[::-1]
    assert titles(penora_api.get(f"{BASE}/projects", query | {"ordering": "created_at"})) == [
        "Storm at sea",
        "By text",
        "By half",
        "By prompt",
    ]


@pytest.mark.django_db
def test_pages_by_relevance_go_on_where_they_stopped_whatever_comes_or_goes_between(shelf, penora_api, alice):
    first = penora_api.get(
        f"{BASE}/projects", {"user_id": "alice", "q": "storm sea", "ordering": "relevance", "limit": 2}
    )
    saved(penora_api, title="Storm, sea, newest")
    gone = Project.objects.get(title="By prompt")
    services.trash(user=alice, app=None, project_code=gone.code)
    second = penora_api.get(first.json()["next"])
    assert titles(first) + titles(second) == ["By prompt", "Storm at sea", "By half", "By text"]
    assert second.json()["next"] is None
    assert titles(penora_api.get(second.json()["previous"])) == ["Storm, sea, newest", "Storm at sea"]


@pytest.mark.django_db
def test_relevance_weighs_the_newest_of_what_is_found(shelf, penora_api, monkeypatch):
    monkeypatch.setattr("workspace.api.projects.MOST_RANKED", 3)
    answer = penora_api.get(f"{BASE}/projects", {"user_id": "alice", "q": "storm sea", "ordering": "relevance"})
    assert titles(answer) == ["By prompt", "By half", "By text"]


@pytest.mark.django_db
@pytest.mark.parametrize("ordering", ["relevance", "-relevance"])
def test_relevance_asks_for_something_to_be_relevant_to(penora_api, alice, ordering):
    answer = penora_api.get(f"{BASE}/projects?user_id=alice&ordering={ordering}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "ordering"
