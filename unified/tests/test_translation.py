"""The German translation is whole, says the same things, and is what a German reader gets."""

import re

import polib
import pytest
from django.conf import settings

CATALOGUE = settings.BASE_DIR / "locale/de/LC_MESSAGES/django.po"
TAGS = re.compile(r"</?\w+>")
PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]")


@pytest.fixture(scope="module")
def german():
    return polib.pofile(str(CATALOGUE))


def translations(entry):
    return [*entry.msgstr_plural.values()] if entry.msgid_plural else [entry.msgstr]


def says_the_same(entry, text):
    places = [sorted(PLACES.findall(said)) for said in (entry.msgid, entry.msgid_plural) if said]
    return sorted(PLACES.findall(text)) in places and sorted(TAGS.findall(text)) == sorted(TAGS.findall(entry.msgid))


def test_everything_is_translated(german):
    assert len(german) > 300
    assert [entry.msgid for entry in german if not all(translations(entry)) or entry.fuzzy] == []


def test_every_translation_keeps_the_places_and_tags_of_what_it_translates(german):
    changed = [entry.msgid for entry in german for text in translations(entry) if not says_the_same(entry, text)]
    assert changed == []


def test_the_compiled_catalogue_is_that_of_the_text(german):
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    said = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in compiled}
    assert said == {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in german}


def test_every_text_of_the_templates_is_in_the_catalogue(german):
    known = {entry.msgid for entry in german}
    found = set()
    for template in (settings.BASE_DIR / "templates").rglob("*.*"):
        said = re.findall(r"""\{%\s*translate\s+(["'])(.+?)\1""", template.read_text(encoding="utf-8"))
        found.update(text.replace("%", "%%") for _, text in said)
    assert len(found) > 150
    assert found - known == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepts", "language", "words"), [("de-AT,de;q=0.9", "de", "Projekte"), ("fr", "en", "Projects")]
)
def test_a_reader_gets_the_pages_in_their_language(client, alice, accepts, language, words):
    client.force_login(alice)
    page = client.get("/", headers={"Accept-Language": accepts})
    assert page["Content-Language"] == language
    assert f'<html lang="{language}"' in page.content.decode()
    assert words in page.content.decode()


@pytest.mark.django_db
def test_the_api_speaks_english_to_everybody(alice, penora_api):
    answer = penora_api.get("/api/unified/user-info?user_id=nobody", headers={"Accept-Language": "de"})
    assert answer.json()["detail"] == "There is no user with this user_id."
    answer = penora_api.post("/api/unified/deduct-credits", {}, format="json", headers={"Accept-Language": "de"})
    assert answer.json()["errors"][0]["detail"] == "This field is required."


def test_a_page_that_is_not_there_says_its_language(client, db):
    answer = client.get("/nothing/here/", headers={"Accept-Language": "de"})
    assert answer.status_code == 404
    assert '<html lang="de">' in answer.content.decode()
    assert "Hier ist nichts" in answer.content.decode()
