"""Colour moods, chosen by the words of a prompt; each runs from the lightest haze to the deepest shadow."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

Colour = tuple[int, int, int]


def _rgb(code: str) -> Colour:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


@dataclass(frozen=True)
class Palette:
    """`sky`: top to horizon. `land`: far haze to near shadow. `accents`: what glows. `paper`: a light ground."""

    name: str
    words: frozenset[str]
    sky: tuple[Colour, ...]
    land: tuple[Colour, ...]
    accents: tuple[Colour, ...]
    paper: Colour

    @property
    def all(self) -> tuple[Colour, ...]:
        return self.accents + self.land[1:-1] + self.sky[1:]

    @property
    def deep(self) -> Colour:
        return self.land[-1]


def _palette(name: str, words: str, sky: str, land: str, accents: str, paper: str) -> Palette:
    colours = [tuple(_rgb(code) for code in group.split()) for group in (sky, land, accents)]
    return Palette(name, frozenset(words.split()), colours[0], colours[1], colours[2], _rgb(paper))


PALETTES = (
    _palette(
        "ember",
        "sunset dusk fire autumn ember evening amber warm copper lantern volcano",
        "2b2350 6d3b72 c65d6b f29a5e fbd08a",
        "e8a27c b56a6d 7c4763 4a2f52 231a35",
        "ffd27a ff9a56 e8554e c23b5a",
        "f8ebd8",
    ),
    _palette(
        "ocean",
        "sea ocean rain water blue lake river tide harbour wave waves storm coast",
        "0f2c4d 1f5f8b 4fa0b8 9fd3cf e6f2e0",
        "a9cfd2 6aa3b5 3a7696 1f4f73 0d2740",
        "f6d68a 7fe0d4 38a3c9 f28f6b",
        "f1efe4",
    ),
    _palette(
        "forest",
        "forest wood woods green moss garden fern leaf leaves meadow jungle summer",
        "214a4a 4b8577 8dbb93 cfdca4 f5edc4",
        "b9cfae 86a98c 55806b 2f594d 143531",
        "f4d35e a8cf5d e98a4b 5fb39a",
        "f4f0dd",
    ),
    _palette(
        "blossom",
        "blossom cherry rose spring pink love petal petals peony morning dawn",
        "5b5b9a a280b6 e3a3b8 f7c9bd fdebd3",
        "efc4c4 d197ad a2749c 6c5485 3a3560",
        "ff8fa3 ffc2b4 e25d86 fff0c9",
        "fbf1ea",
    ),
    _palette(
        "violet",
        "dream lavender violet purple magic moon moonlight midnight night star stars galaxy",
        "0b1033 262461 5a4296 9d6cb8 e7b3cf",
        "a58ac4 7562ab 4c4488 2b2b60 121433",
        "f9d8a7 c79bff 7fb7ff ff8fc7",
        "f0ebf5",
    ),
    _palette(
        "gold",
        "sun sunflower honey harvest gold golden wheat bee bees desert sand dune dunes",
        "3d6a86 86a9a8 d9c58f f4d67f fdeec2",
        "e9cf93 cda05c a06f3e 6b462d 36251f",
        "ffc53a f08a24 d9532c ffe9a0",
        "f9f0da",
    ),
    _palette(
        "ink",
        "ink paper fog mist quiet silence zen grey gray monochrome charcoal haiku",
        "56636b 8b979b b7bfbd d8dad2 efece2",
        "cfd2cc a3aaa9 737d80 475258 20282f",
        "c8432f 8fa3a6 d9a441 5c7480",
        "f3efe4",
    ),
    _palette(
        "arctic",
        "snow ice winter arctic frost aurora glacier north cold polar silver",
        "12233f 27506f 4f9299 9fd6c4 e9f7ea",
        "cfe3e6 9fc0d0 6b93b2 3e6489 1a3150",
        "8affc9 6fd3ff f4fbff b79bff",
        "eef4f5",
    ),
    _palette(
        "neon",
        "city neon electric tokyo street metropolis cyber future skyline downtown jazz",
        "0a0d26 1d1b52 47246f 9c3382 f0698c",
        "6b3d86 45306f 2c2456 191a3d 0a0d22",
        "ffd166 ff4f8b 3fd5ff ff9a5a",
        "f2e9f0",
    ),
)


def choose(prompt: str, rng: random.Random) -> Palette:
    """The palette most of the prompt's words speak for; one by chance when none does."""
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    scored = [(len(words & palette.words), palette) for palette in PALETTES]
    best = max(score for score, _ in scored)
    return rng.choice([palette for score, palette in scored if score == best])
