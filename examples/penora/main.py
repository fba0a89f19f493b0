"""Penora's command line: write pages of text and save them to the user's Unified workspace, paid on delivery."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.extend(str(Path(__file__).resolve().parents[2] / place) for place in ("examples", "clients/python"))

import delivery

from penora.writer import GENRES, write

MOST_PAGES = 20


def _order(prompt: str, genre: str, pages: int, title: str | None, fail: bool) -> delivery.Order:
    def make() -> delivery.Piece:
        if fail:
            raise delivery.GenerationFailed("asked to, with --fail")
        text = write(prompt, genre, pages, title)
        name = re.sub(r"[^a-z0-9]+", "-", text.title.lower()).strip("-")[:60] or "text"
        sentence = (
            f"Wrote “{text.title}”: {genre}, {pages} page{'s' * (pages != 1)}, {len(text.markdown):,} characters."
        )
        return delivery.Piece(text.title, text.markdown, dict(text.metadata), f"{name}-{text.seed}.md", sentence)

    pages_said = f"{pages} page{'s' * (pages != 1)}"
    return delivery.Order("page_generation", pages, f"{genre.capitalize()}, {pages_said}: {title or prompt[:60]}", make)


def main(arguments: list[str] | None = None) -> int:
    parser = delivery.parser("penora", "Write pages of text from a prompt and save them to Unified.")
    parser.add_argument("--genre", default="story", choices=sorted(GENRES))
    parser.add_argument("--pages", type=int, default=1, help=f"1 to {MOST_PAGES}, one credit each")
    options = parser.parse_args(arguments)
    single = {"prompt": options.prompt, "genre": options.genre, "pages": options.pages, "title": options.title}
    asked = delivery.works(options, parser, single)
    for work in asked:
        if work["genre"] not in GENRES:
            parser.error(f"no such genre: {work['genre']}")
        if type(work["pages"]) is not int or not 1 <= work["pages"] <= MOST_PAGES:
            parser.error(f"pages must be a whole number from 1 to {MOST_PAGES}")
    orders = [_order(work["prompt"], work["genre"], work["pages"], work["title"], options.fail) for work in asked]
    return delivery.run(options, "penora", "text", orders)


if __name__ == "__main__":
    sys.exit(main())
