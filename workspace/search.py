"""Words: how text is cut and folded for searching, what a query asks for, and where its words stand in a text.

Both databases are given the same words and asked for the same words, so they find the same. Case, accents and width
do not matter. Scripts without spaces between words (Chinese, Japanese, Korean, Thai and neighbours) and symbols are
cut into single characters, which a query then wants side by side.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, NamedTuple

# Below what PostgreSQL takes as one lexeme (2,046 bytes) and as the lexemes of one document (1 MB).
LONGEST_WORD = 64
MOST_WORDS = 20_000
MOST_WORD_BYTES = 800_000
# Between the words of two fields, so that no phrase reaches from one into the other.
FIELD_END = "\n"
# Thai and Lao, Myanmar, Khmer, kana, Bopomofo, Han, Hangul, compatibility forms and half-width kana, rarer Han.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3105-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
# The voice marks of half-width kana; joiners, soft hyphens and marks of direction, which stand inside words.
CARRIED = "\uff9e\uff9f\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
QUOTES = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"'))
TATWEEL = "\u0640"
# Whole numbers up to here are the same as a float.
EXACT_BELOW = 2**53
_ASCII_WORD = re.compile("[0-9a-z]+")


class Word(NamedTuple):
    """A folded word and where it stands in the text it came from."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Words that must stand side by side; the last may go on when it is `open`."""

    words: tuple[str, ...]
    open: bool = False

    @property
    def needle(self) -> str:
        """What is in a text's words exactly when this chunk is found in it."""
        return f" {' '.join(self.words)}{'' if self.open else ' '}"


@dataclass(frozen=True, slots=True)
class Query:
    """What must be found, every chunk of it; without chunks nothing is found."""

    chunks: tuple[Chunk, ...]

    @property
    def phrases(self) -> list[Chunk]:
        """The chunks of several words."""
        return [chunk for chunk in self.chunks if len(chunk.words) > 1]


def parse(text: str) -> Query:
    """What a person asks for: all words, in any order; "quoted" ones side by side; the last word may be unfinished.

    Whatever is written without a space is one thing, so `night-train` is "night train". Nothing is an error."""
    parts = text.translate(QUOTES).split('"')
    chunks = [
        [word.text for word in words_in(piece)]
        for number, part in enumerate(parts)
        for piece in ([part] if number % 2 else part.split())
    ]
    found = [tuple(chunk) for chunk in chunks if chunk]
    # A quote that is closed at the very end says that its last word is finished.
    finished = len(parts) % 2 == 1 and not parts[-1].strip() and len(parts) > 1
    last = len(found) - 1
    return Query(tuple(Chunk(words, number == last and not finished) for number, words in enumerate(found)))


def words_of(*fields: str) -> str:
    """The folded words of fields of text, as they are stored: between spaces, the fields apart."""
    return FIELD_END.join(f" {' '.join(_texts(field))} " for field in fields if field)


def _texts(field: str) -> Iterator[str]:
    if field.isascii():
        return (word[:LONGEST_WORD] for word in _ASCII_WORD.findall(field.lower()))
    return (word.text for word in words_in(field))


def distinct(*streams: str) -> list[str]:
    """Every word of stored streams once, in order, up to what an index takes of one document."""
    kept: list[str] = []
    room = MOST_WORD_BYTES
    for word in dict.fromkeys(word for stream in streams for word in stream.split()):
        room -= len(word.encode())
        if room < 0 or len(kept) == MOST_WORDS:
            break
        kept.append(word)
    return kept


def strings_of(value: Any) -> list[str]:
    """Every string and number in a JSON value: the prompt first, the rest in the order of their names.

    Databases keep neither the order of an object's keys nor the spelling of 1e5, so neither matters here."""
    if isinstance(value, dict):
        parts = sorted(value.items(), key=lambda item: (item[0] != "prompt", item[0]))
        return [found for _, part in parts for found in strings_of(part)]
    if isinstance(value, list):
        return [found for part in value for found in strings_of(part)]
    if isinstance(value, float):
        return [str(int(value)) if value.is_integer() else str(value)] if abs(value) < EXACT_BELOW else []
    return [] if value is None else [str(value)]


def words_in(text: str) -> Iterator[Word]:
    """The folded words of a text with their places, one by one."""
    for match in _word().finditer(text):
        for word in _folded(match.group()):
            yield Word(word, match.start(), match.end())


@lru_cache(maxsize=50_000)
def _folded(word: str) -> tuple[str, ...]:
    """A word as it is compared. Rarely it is several: `ﷺ` is four words in one character."""
    if word.isascii():
        return (word.lower()[:LONGEST_WORD],)
    opened = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    kept = unicodedata.normalize("NFC", "".join(char for char in opened if not _is_dropped(char)))
    return tuple(found[:LONGEST_WORD] for found in _word().findall(kept))


def _is_dropped(char: str) -> bool:
    """Accents, vowel points and invisible characters; not the vowels and voice marks that make another word."""
    accent = unicodedata.combining(char)
    if accent >= 200 or 10 <= accent <= 36:
        return True
    return char == TATWEEL or unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"


@cache
def _word() -> re.Pattern[str]:
    """One character of an unspaced script or one symbol, or a run of other letters and digits; marks stay with both."""
    kinds: dict[str, list[int]] = {"M": [], "So": [], "letter": []}
    unspaced = re.compile(f"[{UNSPACED}]")
    for code in range(0x80, 0x20000):
        char = chr(code)
        kind = unicodedata.category(char)
        kinds.get(kind[0], kinds.get(kind, [])).append(code)
        if char.isalnum() and not unspaced.match(char):
            kinds["letter"].append(code)
    single = f"[{UNSPACED}{_ranges(kinds['So'])}]"
    letter = f"0-9A-Za-z{_ranges(kinds['letter'])}"
    mark = f"{CARRIED}{_ranges(kinds['M'])}"
    return re.compile(f"{single}[{mark}]*|[{letter}][{letter}{mark}]*")


def _ranges(codes: Iterable[int]) -> str:
    """Ascending code points as the inside of a regular expression's character class."""
    runs = groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])
    ends = [[code for _, code in run] for _, run in runs]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in ends)
