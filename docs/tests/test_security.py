"""The page about security names every requirement once, and only tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

PAGE = Path(settings.BASE_DIR, "docs", "security.md").read_text()
ROW = re.compile(r"^\| ([0-9]+)\.([0-9]+)\.([0-9]+) \| ([^|]+) \| (yes|no|n/a) \| ?([^|]*)\|$", re.MULTILINE)
TEST = re.compile(r"`(?!app/)([a-z]+)/([a-z_]+)::([a-z0-9_]+)`")
# "app/file::name" and what that stands for.
TEMPLATES = 2
# How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has.
CHAPTERS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7,
    10: 29, 11: 14, 12: 9, 13: 13, 14: 9, 15: 13, 16: 16, 17: 7,
}  # fmt: skip


@cache
def names_in(app, file):
    """Names of the tests in a module, as pytest would find them."""
    folder = Path(settings.BASE_DIR, app) if app == "tests" else Path(settings.BASE_DIR, app, "tests")
    path = folder / f"test_{file}.py"
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_requirement_has_one_row():
    rows = [(int(row[0]), int(row[1]), int(row[2])) for row in ROW.findall(PAGE)]
    assert rows == sorted(set(rows))
    assert {chapter: sum(row[0] == chapter for row in rows) for chapter in CHAPTERS} == CHAPTERS
    assert sum(CHAPTERS.values()) == len(rows) == 253


def test_a_no_says_why():
    assert [row for row in ROW.findall(PAGE) if row[4] == "no" and len(row[5].strip()) < 10] == []
    assert [row for row in ROW.findall(PAGE) if row[4] == "yes" and not row[5].strip()] == []


def test_tests_are_named():
    assert len(set(TEST.findall(PAGE))) > 80


@pytest.mark.parametrize(("app", "file", "name"), sorted(set(TEST.findall(PAGE))))
def test_a_test_that_is_named_exists(app, file, name):
    assert f"test_{name}" in names_in(app, file)


def test_whatever_looks_like_a_test_is_one():
    assert len(re.findall(r"[a-z]::[a-z]", PAGE)) == len(TEST.findall(PAGE)) + TEMPLATES
