"""From a prompt, a genre and a number of pages to a Markdown text; the same three always give the same text."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from penora import phrases, words

MODEL = "penora-grammar-1"
PAGE_CHARACTERS = 1800

GENRES: dict[str, tuple[str, ...]] = {
    "story": phrases.STORY,
    "essay": phrases.ESSAY,
    "notes": phrases.NOTES,
    "letter": phrases.LETTER,
    "recipe": phrases.RECIPE,
}

_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_HEADINGS = {
    "essay": ("The claim", "The objection", "The long view", "In practice", "What remains"),
    "notes": ("First pass", "Second pass", "Open questions", "Later"),
    "recipe": ("Method", "Variations", "Keeping"),
}


@dataclass(frozen=True)
class Text:
    prompt: str
    genre: str
    seed: int
    title: str
    pages: tuple[str, ...]

    @property
    def markdown(self) -> str:
        return "\n\n".join(self.pages) + "\n"

    @property
    def metadata(self) -> dict[str, str | int]:
        """What the workspace keeps beside the text."""
        known = {"prompt": self.prompt, "genre": self.genre, "model": MODEL}
        return {**known, "pages": len(self.pages), "seed": self.seed}


def write(prompt: str, genre: str, pages: int, title: str | None = None) -> Text:
    """`pages` pages of about 1,800 characters; `genre` is a key of GENRES."""
    seed = int.from_bytes(hashlib.sha256(f"{genre}\n{prompt}".encode()).digest()[:4], "big") >> 1
    author = _Author(random.Random(seed), prompt, genre, pages)
    named = title or _title(prompt)
    return Text(prompt, genre, seed, named, tuple(author.page(number, named) for number in range(pages)))


def _title(prompt: str) -> str:
    spoken = prompt.strip().rstrip(".!").split()
    return " ".join(spoken[:9]).rstrip(",;:") or "Untitled"


class _Author:
    """Deals out a genre's beats: the first opens, the last closes, none returns before all others had their turn."""

    def __init__(self, rng: random.Random, prompt: str, genre: str, pages: int) -> None:
        self._rng, self._genre, self._pages = rng, genre, pages
        self._opening, *self._middle, self._closing = GENRES[genre]
        known = [word for word in re.findall(r"[a-z]+", prompt.lower()) if word in words.NOUNS]
        self._motifs = list(dict.fromkeys(known)) or rng.sample(words.FALLBACK, 3)
        self._cast = dict(zip(("hero", "friend"), rng.sample(words.WORDS["name"], 2), strict=True))
        self._beats = self._dealt()

    def _dealt(self) -> Iterator[str]:
        while True:
            # A recipe is read in order; everything else may be told in any.
            order = self._middle if self._genre == "recipe" else self._rng.sample(self._middle, len(self._middle))
            yield from order

    def page(self, number: int, title: str) -> str:
        blocks = [*self._heading(number, title)]
        if number == 0:
            blocks.append(self._told(self._opening))
        last = self._told(self._closing) if number == self._pages - 1 else ""
        reserved = len(last) + sum(map(len, blocks)) + 2 * len(blocks)
        blocks += self._paragraphs(PAGE_CHARACTERS - reserved)
        return "\n\n".join([*blocks, last] if last else blocks)

    def _heading(self, number: int, title: str) -> list[str]:
        opening = [f"# {title}"] if number == 0 else []
        if number == 0 and self._genre == "letter":
            opening.append(f"Dear {self._cast['friend']},")
        if number == 0 and self._genre == "recipe":
            opening.append("\n".join(f"- {item}" for item in phrases.INGREDIENTS))
        if self._pages > 1 and self._genre != "letter":
            names = _HEADINGS.get(self._genre, _NUMERALS)
            round_, place = divmod(number, len(names))
            opening.append(f"## {names[place]}" + (f" ({round_ + 1})" if round_ else ""))
        return opening

    def _paragraphs(self, room: int) -> Iterator[str]:
        """Paragraphs of one to three beats until the room is used to within half a beat."""
        while room > 100:
            beats: list[str] = []
            for _ in range(1 if self._genre in {"notes", "recipe"} else self._rng.choice((1, 2, 2, 3))):
                if room > 100:
                    beats.append(self._told(next(self._beats)))
                    room -= len(beats[-1]) + 1
            yield " ".join(beats)

    def _told(self, beat: str) -> str:
        motif = self._rng.choice(self._motifs)
        others = [word for word in (*self._motifs, *words.FALLBACK) if word != motif]
        filled = {slot: self._rng.choice(choices) for slot, choices in words.WORDS.items()}
        if beat == self._opening and self._genre == "story":
            filled["name"] = self._cast["hero"]
        return beat.format(**filled | self._cast, motif=motif, motif2=self._rng.choice(others))
