"""Where the words of a query stand in what it found: short excerpts in segments, each a match or not. Never markup."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TypedDict

from workspace import content, search
from workspace.models import Project
from workspace.search import Chunk, Query, Word

# Characters before the first match, and of a whole excerpt; what is no longer than the last is shown whole.
LEAD = 60
LENGTH = 180
SHORT = 240
MOST_FIELDS = 3
# Characters cut into words for one field and for one page, so that a search is never slow for its excerpts.
MOST_OF_A_FIELD = 50_000
MOST_OF_A_PAGE = 200_000
SPACES = re.compile(r"\s+")


class Segment(TypedDict):
    """A piece of an excerpt, and whether it is what was looked for."""

    text: str
    match: bool


class Highlight(TypedDict):
    """An excerpt of one field: `title`, `tags`, `text`, or `metadata.` and a name."""

    field: str
    segments: list[Segment]


def highlights_of(projects: Sequence[Project], words: str) -> dict[int, list[Highlight]]:
    """For each project, by key, up to three excerpts that show where `words` are. One query, for the texts."""
    finder = Finder(search.parse(words))
    texts = content.packed_texts([project for project in projects if project.is_text])
    return {project.pk: list(islice(_of_one(project, texts, finder), MOST_FIELDS)) for project in projects}


def _of_one(project: Project, texts: dict[int, content.Packed], finder: "Finder") -> Iterator[Highlight]:
    for field, value in _fields(project, texts):
        segments = finder.excerpt(value)
        if segments:
            yield {"field": field, "segments": segments}


def _fields(project: Project, texts: dict[int, content.Packed]) -> Iterator[tuple[str, str]]:
    """Every field that is searched; the text last, as it has to be unpacked."""
    yield "title", project.title
    for name, value in sorted(project.metadata.items(), key=lambda item: item[0] != "prompt"):
        for text in search.strings_of(value):
            yield f"metadata.{name}", text
    for tag in project.tags:
        yield "tags", tag
    if project.pk in texts:
        yield "text", content.MARKDOWN_MARKS.sub("", texts[project.pk].unpacked())


class Finder:
    """Looks for a query in one text after the other, and reads no more of them than a page may."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._unread = MOST_OF_A_PAGE

    def excerpt(self, text: str) -> list[Segment]:
        """The text around the first match, or nothing when there is none."""
        if len(text) <= SHORT:
            return _segments(text, list(self._spans(text)), False, False)
        first = self._first(text)
        if first is None:
            return []
        start, end = _window(text, first)
        part = text[start:end]
        return _segments(part, list(self._spans(part)), start > 0, end < len(text))

    def _first(self, text: str) -> int | None:
        """Where the first match begins: quickly where the words stand there as they are, else word by word."""
        found = [match.start() for pattern in self._patterns if (match := pattern.search(text))]
        if found:
            return min(found)
        read = text[: min(MOST_OF_A_FIELD, self._unread)]
        self._unread -= len(read)
        return next((start for start, _ in self._spans(read)), None)

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [_pattern(chunk) for chunk in self._query.chunks]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where chunks of the query stand, in order; they may overlap."""
        words = list(search.words_in(text))
        for place in range(len(words)):
            for chunk in self._query.chunks:
                found = words[place : place + len(chunk.words)]
                if _fits(chunk, found):
                    yield found[0].start, found[-1].end


def _pattern(chunk: Chunk) -> re.Pattern[str]:
    words = r"[\W_]+".join(map(re.escape, chunk.words))
    return re.compile(r"(?<![^\W_])" + words + ("" if chunk.open else r"(?![^\W_])"), re.IGNORECASE)


def _fits(chunk: Chunk, found: list[Word]) -> bool:
    if len(found) < len(chunk.words):
        return False
    *whole, last = (word.text for word in found)
    ends = last.startswith(chunk.words[-1]) if chunk.open else last == chunk.words[-1]
    return ends and tuple(whole) == chunk.words[:-1]


def _window(text: str, first: int) -> tuple[int, int]:
    """The part to show, from one space to another where there is one nearby."""
    start = max(0, first - LEAD)
    if start:
        space = text.find(" ", start, first)
        start = start if space < 0 else space + 1
    end = min(len(text), start + LENGTH)
    space = text.rfind(" ", first + LENGTH // 2, end)
    return start, end if end == len(text) or space < 0 else space


def _segments(text: str, spans: list[tuple[int, int]], cut_before: bool, cut_after: bool) -> list[Segment]:
    if not spans:
        return []
    pieces: list[tuple[str, bool]] = [("…" if cut_before else "", False)]
    place = 0
    for start, end in _merged(spans):
        pieces += [(text[place:start], False), (text[start:end], True)]
        place = end
    pieces.append((text[place:] + ("…" if cut_after else ""), False))
    return [{"text": SPACES.sub(" ", piece), "match": match} for piece, match in pieces if piece]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
