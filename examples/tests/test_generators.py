"""What the two example apps make: the same for the same prompt, of the promised size, and worth looking at."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.extend(str(Path(__file__).resolve().parents[2] / place) for place in ("examples", "clients/python"))

from imagegene.painter import STYLES, paint
from imagegene.palettes import PALETTES
from penora.writer import GENRES, write

EXAMPLES = Path(__file__).resolve().parents[1]


def _demo(app: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((EXAMPLES / app / "demo.json").read_text(encoding="utf-8"))
    return listed


@pytest.mark.parametrize("style", STYLES)
def test_a_picture_is_the_same_every_time_and_another_for_another_prompt(style: str) -> None:
    first, again = paint("A quiet harbour in the rain", style), paint("A quiet harbour in the rain", style)
    other = paint("A quiet harbour in the snow", style)
    assert first.image.size == (1024, 1024)
    assert first.image.mode == "RGB"
    assert first.image.tobytes() == again.image.tobytes()
    assert first.image.tobytes() != other.image.tobytes()
    assert first.metadata["seed"] != other.metadata["seed"]


@pytest.mark.parametrize("style", STYLES)
def test_a_picture_has_depth_of_tone(style: str) -> None:
    extremes = paint("Autumn hills", style).image.convert("L").histogram()
    dark, light = sum(extremes[:70]), sum(extremes[150:])
    assert dark > 2_000
    assert light > 2_000


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: str(palette.name))
def test_the_words_of_a_prompt_choose_the_colours(palette: Any) -> None:
    words = " ".join(sorted(palette.words)[:4])
    assert paint(words, "flow field").palette == palette.name


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize("pages", [1, 3, 7])
def test_a_text_has_the_pages_asked_for_of_about_1800_characters(genre: str, pages: int) -> None:
    text = write("A lighthouse keeper and a clock", genre, pages)
    assert len(text.pages) == pages
    lengths = [len(page) for page in text.pages]
    assert min(lengths) > 1_400
    assert max(lengths) < 2_200
    assert "{" not in text.markdown
    assert text.markdown.startswith("# A lighthouse keeper and a clock\n")


@pytest.mark.parametrize("genre", GENRES)
def test_a_text_is_the_same_every_time_and_another_for_another_prompt(genre: str) -> None:
    assert write("The sea", genre, 2) == write("The sea", genre, 2)
    assert write("The sea", genre, 2).pages[1] != write("The hills", genre, 2).pages[1]


@pytest.mark.parametrize("genre", ["story", "essay"])
def test_a_text_of_three_pages_repeats_no_paragraph(genre: str) -> None:
    paragraphs = [block for block in write("Bees in the orchard", genre, 3).markdown.split("\n\n") if len(block) > 40]
    assert len(paragraphs) > 8
    assert len(paragraphs) == len(set(paragraphs))


def test_the_demo_costs_at_most_thirty_credits() -> None:
    pictures, texts = _demo("imagegene"), _demo("penora")
    assert (len(pictures), len(texts)) == (8, 6)
    assert {work["style"] for work in pictures} == STYLES.keys()
    assert {work["genre"] for work in texts} == GENRES.keys()
    assert 2 * len(pictures) + sum(work["pages"] for work in texts) <= 30
