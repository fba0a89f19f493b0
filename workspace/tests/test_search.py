"""Searching: what is a word, what a query asks for, and that both databases find the same."""

import random
import sqlite3
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, transaction

from workspace import content, search, search_index, services
from workspace.models import Project, SearchEntry
from workspace.services.storage import WorkspaceFull
from workspace.tests.cast import save
from workspace.tests.test_commands import run

WORDS = {
    "Café CAFÉ cafe\u0301": "cafe cafe cafe",
    "Straße STRASSE": "strasse strasse",
    "İstanbul Łódź Ångström": "istanbul łodz angstrom",
    "don't AI-art C++ 1,000 night_train": "don t ai art c 1 000 night train",
    "東京都に行く": "東 京 都 に 行 く",
    "\uff76\uff9e\uff77\uff9e ガギ": "ガ ギ ガ ギ",
    "서울에서": "서 울 에 서",
    "الصَّلاةُ أحمد ـــسلام": "الصلاة احمد سلام",
    "שָׁלוֹם": "שלום",
    "हिन्दी नमस्\u200dते": "हिन्दी नमस्ते",
    "ภาษาไทย": "ภ า ษ า ไ ท ย",
    "soft\u00adhyphen \u200fabc\u200e ﬁne x² ①": "softhyphen abc fine x2 1",
    "🌊 sea 👍🏽 20°C ™": "🌊 sea 👍 20 ° c tm",
    "ﷺ": "صلى الله عليه وسلم",
    "!?… \x00 \ud800": "",
    "a" * 100: "a" * 64,
}


@pytest.mark.parametrize("text", WORDS)
def test_text_is_cut_into_folded_words(text):
    assert search.words_of(text).split() == WORDS[text].split()


@pytest.mark.parametrize("text", ["Plain ASCII: it's 3,5 x_y\tz", "A" * 70 + "-b", ""])
def test_the_short_way_for_ascii_cuts_the_same(text):
    assert [word.text for word in search.words_in(text)] == search.words_of(text).split()


def test_words_say_where_they_stand():
    text = "Ein Café, zwei Straßen"
    assert [(word.text, text[word.start : word.end]) for word in search.words_in(text)] == [
        ("ein", "Ein"),
        ("cafe", "Café"),
        ("zwei", "zwei"),
        ("strassen", "Straßen"),
    ]


def needles(text):
    return [chunk.needle for chunk in search.parse(text).chunks]


QUERIES = {
    "night train": [" night ", " train"],
    '"night train"': [" night train "],
    "“night train” x": [" night train ", " x"],
    '"night train': [" night train"],
    'a "b c" d': [" a ", " b c ", " d"],
    "night-train don't": [" night train ", " don t"],
    "東京": [" 東 京"],
    '"" " !!! \x00': [],
    "": [],
}


@pytest.mark.parametrize("text", QUERIES)
def test_a_query_asks_for_words_and_phrases(text):
    assert needles(text) == QUERIES[text]


def test_an_index_takes_a_bounded_number_of_words():
    many = " ".join(f"word{number}" for number in range(50_000))
    long = " ".join("東" * 40 + str(number) for number in range(30_000))
    assert len(search.distinct(many)) == search.MOST_WORDS
    assert sum(len(word.encode()) for word in search.distinct(long)) <= search.MOST_WORD_BYTES


LIBRARY = {
    "lighthouse": (
        "The Lighthouse",
        "A keeper counts the waves. Night falls on the sea.",
        {"genre": "novel"},
        ["draft"],
    ),
    "storm": ("Sturm über Nürnberg", "", {"prompt": "a lighthouse in a storm, oil on canvas", "seed": 4217}, ["Sea"]),
    "cafe": ("Café Zürich", "Une journée à l'été: crème brûlée, naïve façade.", {}, []),
    "tokyo": ("東京の夜", "昨日、東京都に行きました。ﾄｳｷｮｳ", {"style": "浮世絵"}, []),
    "seoul": ("서울 여행", "서울에서 부산까지", {}, []),
    "arabic": ("قصة أحمد", "ذَهَبَ إلى المَدْرَسَة", {}, []),
    "hindi": ("हिन्दी कहानी", "नमस्ते दुनिया", {}, []),
    "odd": ("100% O'Reilly & Söhne <b>bold</b>", "C++ isn't; DROP TABLE x; -- \\ ' \" ( ) : * & | ! ~ night", {}, []),
    "emoji": ("Sea 🌊 day", "sealed", {"deep": [{"er": ["nested pearl"]}], "size": 1e5, "ok": True}, []),
    "edge": ("first second", "third first-second. second third", {"prompt": "fourth"}, ["fifth"]),
}
# What finds which: the same on SQLite and on PostgreSQL.
CASES = {
    "lighthouse": {"lighthouse", "storm"},
    "LIGHTHOUSE": {"lighthouse", "storm"},
    "light": {"lighthouse", "storm"},
    "light house": set(),
    "light storm": set(),
    "lighthouse stor": {"storm"},
    "storm light": {"storm"},
    '"light"': set(),
    "oil canvas": {"storm"},
    '"oil on canvas"': {"storm"},
    '"oil canvas"': set(),
    '"lighthouse in a sto': {"storm"},
    '"lighthouse in a sto"': set(),
    "4217": {"storm"},
    "42": {"storm"},
    "uber nurnberg": {"storm"},
    "über NÜRNBERG": {"storm"},
    "u\u0308ber": {"storm"},
    "sea": {"lighthouse", "storm", "emoji"},
    '"sea"': {"lighthouse", "storm", "emoji"},
    "seal": {"emoji"},
    "cafe zurich": {"cafe"},
    "creme BRULEE": {"cafe"},
    "l'été": {"cafe"},
    "ete": {"cafe"},
    "東京": {"tokyo"},
    "京都": {"tokyo"},
    "京東": set(),
    "夜": {"tokyo"},
    "東京 行きました": {"tokyo"},
    "トウキョウ": {"tokyo"},
    "浮世": {"tokyo"},
    "서울": {"seoul"},
    "서울에서 부산": {"seoul"},
    "احمد": {"arabic"},
    "ذهب المدرسة": {"arabic"},
    "المدر": {"arabic"},
    "नमस्ते": {"hindi"},
    "हिन्दी कहा": {"hindi"},
    "100%": {"odd", "emoji"},
    "o'reilly": {"odd"},
    "oreilly": set(),
    "söhne": {"odd"},
    "C++ ": {"odd", "cafe", "lighthouse", "storm"},
    '"c"': {"odd"},
    "isn't": {"odd"},
    "drop table x; --": {"odd"},
    "<b>": {"odd", "cafe"},
    "' OR '1'='1": set(),
    '" ) & | ! : *': set(),
    "night*": {"lighthouse", "odd"},
    "sea & night": {"lighthouse"},
    "NOT lighthouse": set(),
    "🌊": {"emoji"},
    "nested": {"emoji"},
    "100000": {"emoji"},
    "true": {"emoji"},
    "first-second": {"edge"},
    '"second third"': {"edge"},
    '"second fourth"': set(),
    '"fourth fifth"': set(),
    "fifth fourth third": {"edge"},
    "prompt": set(),
    "!!!": set(),
    "\x00": set(),
    "sea\x00": {"lighthouse", "storm", "emoji"},
    "\ud800": set(),
    "%": set(),
    "_": set(),
    "x" * 200: set(),
    "東" * 200: set(),
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4: set(),
}


@pytest.fixture
def library(alice, bob, penora):
    """Alice's works by name; Bob has every one of them as well."""
    works = {}
    for person in (alice, bob):
        for name, (title, text, metadata, tags) in LIBRARY.items():
            prepared = content.prepare_text(text, "auto")
            made = save(person, penora, prepared=prepared, title=title, metadata=metadata, tags=tags)
            works[person, name] = made.project.code
    return {code: name for (person, name), code in works.items() if person == alice}


def found(user, words):
    return list(Project.objects.owned_by(user).matching(words, user).values_list("code", flat=True))


@pytest.mark.django_db
def test_every_query_finds_what_it_should_and_nothing_of_others(library, alice):
    differing = {
        words: (expected, names)
        for words, expected in CASES.items()
        if (names := {library.get(code, "somebody else's") for code in found(alice, words)}) != expected
    }
    assert differing == {}


@pytest.mark.django_db
def test_a_phrase_is_found_whichever_of_its_words_the_index_is_asked_for(library, alice):
    asked = search_index.asked(search.parse('"falls on the sea" keeper "the waves'), alice.pk)
    assert [term.partition(".")[2] for term in asked.terms] == ["keeper", "falls", "the"]
    assert [library[code] for code in found(alice, '"falls on the sea" keeper "the waves')] == ["lighthouse"]
    assert found(alice, '"falls in the sea" keeper') == []
    assert found(alice, '"falls on the sea" "the night') == []


@pytest.mark.django_db
def test_no_characters_whatever_are_an_error(library, alice):
    dice = random.Random(11)
    letters = "ab \"'\\:*&|!()<>-~^%_.\0\t\n$@東é\u0301\u200d🌊﷽\ud800{}[];"
    queries = ["".join(dice.choices(letters, k=dice.randint(1, 30))) for _ in range(300)]
    assert all(isinstance(found(alice, words), list) for words in queries)


@pytest.mark.django_db
def test_a_search_never_meets_words_of_others_even_without_the_filter_by_owner(library, bob, alice):
    theirs = Project.objects.all().matching("lighthouse", bob)
    assert {project.user for project in theirs} == {bob}


@pytest.mark.django_db
def test_a_new_title_is_found_and_the_old_one_not(library, alice):
    code = found(alice, "keeper")[0]
    services.update_project(user=alice, app=None, project_code=code, changes={"title": "A tower"})
    assert found(alice, "tower") == [code]
    assert code not in found(alice, '"The Lighthouse"')
    prepared = content.prepare_text("Quiet now.", "auto")
    services.update_project(user=alice, app=None, project_code=code, prepared=prepared, changes={})
    assert (found(alice, "keeper"), found(alice, "tower quiet")) == ([], [code])


@pytest.mark.django_db
def test_a_save_that_is_refused_leaves_no_words(alice, penora):
    code = save(alice, penora, title="Before").project.code
    services.set_limit(user=alice, limit_bytes=200)
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 300, title="After", project_code=code)
    assert (found(alice, "before"), found(alice, "after")) == ([code], [])


@pytest.mark.django_db
def test_what_is_deleted_leaves_no_words(library, alice):
    code = found(alice, "keeper")[0]
    services.purge(user=alice, app=None, project_code=code)
    assert found(alice, "keeper") == []
    assert search_index.is_sound()
    for other in Project.objects.owned_by(alice).values_list("code", flat=True):
        services.trash(user=alice, app=None, project_code=other)
    services.empty_trash(user=alice)
    assert not SearchEntry.objects.filter(user=alice).exists()
    assert search_index.is_sound()


@pytest.mark.django_db
def test_a_rollback_takes_the_words_back(alice, penora):
    with transaction.atomic():
        save(alice, penora, title="Ghost")
        transaction.set_rollback(True)
    assert found(alice, "ghost") == []
    assert search_index.is_sound()


@pytest.mark.django_db
def test_a_project_without_any_word_is_saved_and_found_by_nothing(alice, penora):
    save(alice, penora, prepared=content.prepare_text("...", "auto"), title="!!!")
    assert (found(alice, "!!!"), len(found(alice, " "))) == ([], 1)
    assert run("check_storage")[0] == 0


@pytest.mark.django_db
def test_long_text_of_nothing_but_new_words_is_saved(alice, penora):
    text = " ".join(f"w{number:05}" for number in range(70_000))
    save(alice, penora, prepared=content.prepare_text(text, "auto"))
    assert len(found(alice, "w00001")) == 1


STALE = {
    "words": "UPDATE workspace_searchentry SET about = ' other '",
    "terms": "UPDATE workspace_searchentry SET terms = 'x'",
    "row": "DELETE FROM workspace_searchentry",
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", STALE)
def test_check_storage_names_words_that_are_not_the_projects(alice, penora, kind):
    code = save(alice, penora, title="Lighthouse").project.code
    with connection.cursor() as cursor:
        cursor.execute(STALE[kind])
    status, said = run("check_storage")
    assert status == 1
    assert f"project {code}: the words it is found by are not its own" in said
    assert "1 projects" in run("rebuild_search")[1]
    assert run("check_storage")[0] == 0
    assert found(alice, "lighthouse") == [code]


@pytest.mark.django_db
def test_check_storage_sees_an_index_that_does_not_follow(alice, penora):
    save(alice, penora, title="Lighthouse")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            entry = SearchEntry.objects.get()
            cursor.execute(
                "INSERT INTO workspace_searchindex(workspace_searchindex, rowid, terms) VALUES ('delete', %s, %s)",
                [entry.pk, entry.terms],
            )
        else:
            cursor.execute("UPDATE workspace_searchindex SET words = ''")
    assert "the full-text index does not have the words of its table" in run("check_storage")[1]
    run("rebuild_search")
    assert run("check_storage")[0] == 0


@pytest.mark.django_db
def test_a_lost_trigger_fails_the_check_and_migrate_puts_it_back(alice, penora):
    name = "workspace_searchindex_insert" if connection.vendor == "sqlite" else "workspace_searchindex_write"
    suffix = "" if connection.vendor == "sqlite" else " ON workspace_searchentry"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}{suffix}")
    assert search_index.missing() == [name]
    save(alice, penora, title="Lighthouse")
    assert found(alice, "lighthouse") == []
    search_index.install()
    assert len(found(alice, "lighthouse")) == 1


def test_this_python_brings_fts5():
    with sqlite3.connect(":memory:") as memory:
        memory.execute("CREATE VIRTUAL TABLE t USING fts5(x)")


def test_what_was_tagged_before_tags_were_in_the_index_is_put_there_and_taken_out_again(alice, penora) -> None:
    code = save(alice, penora, tags=["red", "big sky"], title="Plain").project.code
    save(alice, penora, title="Without")
    steps = import_module("workspace.migrations.0015_tags_in_the_search_index")
    as_it_is = dict(SearchEntry.objects.values_list("pk", "terms"))
    steps.remove(apps, None)
    assert [each.code for each in Project.objects.owned_by(alice).tagged("red", alice)] == []
    steps.add(apps, None)
    assert dict(SearchEntry.objects.values_list("pk", "terms")) == as_it_is
    assert [each.code for each in Project.objects.owned_by(alice).tagged("big sky", alice)] == [code]


@pytest.mark.django_db
@pytest.mark.parametrize("words", ["t", "ta", "tag", "plain t", '"ta'])
def test_an_unfinished_word_never_means_how_tags_are_kept(alice, penora, words):
    save(alice, penora, tags=["red"], title="Plain")
    assert found(alice, words) == []
    code = save(alice, penora, tags=["red"], title="Plain tagged thing").project.code
    assert found(alice, words) == [code]
