"""Texts as they are read: Markdown shown, and nothing that acts."""

import re
from html.parser import HTMLParser

import pytest

from workspace import reading


class Tags(HTMLParser):
    """What a browser would make of it: every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.found if name in attributes]


def test_shows_headings_paragraphs_and_lists_below_the_page_title() -> None:
    shown = reading.as_html("# One\n\nFirst line\nsecond *line*\n\n- a\n- b\n\n### Three")
    assert shown is not None
    assert "<h2>One</h2>" in shown
    assert re.search(r"<p>First line<br />\s*second <em>line</em></p>", shown)
    assert "<li>b</li>" in shown
    assert "<h3>Three</h3>" in shown


def test_leaves_out_a_first_heading_that_repeats_the_title() -> None:
    assert reading.as_html("# The keeper\n\nOnce", "The keeper") == "<p>Once</p>\n"
    assert "<h2>The keeper</h2>" in str(reading.as_html("# The keeper\n\nOnce", "Another"))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onclick=alert(1)>b</b>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<javascript:alert(1)>",
        "![x](https://elsewhere.example/pixel.png)",
        '[x](https://e.example "a\\" onmouseover=alert(1)")',
        "[x]: javascript:alert(1)\n\n[x]",
        "```<script>\nalert(1)\n```",
    ],
)
def test_nothing_in_a_text_acts_or_loads(text: str) -> None:
    tags = Tags()
    tags.feed(str(reading.as_html(text)))
    assert tags.found
    assert {tag for tag, _ in tags.found} <= {"p", "a", "pre", "code", "br"}
    assert {name for _, attributes in tags.found for name in attributes} <= {"href", "title", "rel", "class"}
    assert {href.partition(":")[0] for href in tags.all("href")} <= {"https"}


def test_links_lead_out_without_a_word_about_us() -> None:
    assert 'rel="nofollow noopener noreferrer"' in str(reading.as_html("[x](https://e.example)"))


def test_a_very_long_text_is_shown_as_written() -> None:
    assert reading.as_html("é" * (reading.MAX_BYTES // 2)) is not None
    assert reading.as_html("é" * (reading.MAX_BYTES // 2 + 1)) is None


def test_says_how_long_it_takes_to_read() -> None:
    assert [reading.minutes(words) for words in (0, 1, 220, 221)] == [0, 1, 1, 2]
