"""From a prompt and a style to one picture; the same two always give the same bytes."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from imagegene import landscapes, palettes, patterns, windows

MODEL = "imagegene-procedural-1"

STYLES: dict[str, Callable[[random.Random, palettes.Palette], Image.Image]] = {
    "mountains at dusk": landscapes.dusk,
    "night city": landscapes.city,
    "ink wash waves": landscapes.ink_waves,
    "flow field": patterns.flow_field,
    "stained glass": windows.stained_glass,
    "sunflower": patterns.sunflower,
}


@dataclass(frozen=True)
class Picture:
    prompt: str
    style: str
    seed: int
    palette: str
    image: Image.Image

    def png(self) -> bytes:
        out = io.BytesIO()
        self.image.save(out, "PNG")
        return out.getvalue()

    @property
    def metadata(self) -> dict[str, str | int]:
        """What the workspace keeps beside the picture."""
        known = {"prompt": self.prompt, "style": self.style, "palette": self.palette, "model": MODEL}
        return {**known, "seed": self.seed}


def seed_of(prompt: str, style: str) -> int:
    """31 bits of the prompt's and style's hash: small enough for any JSON reader."""
    return int.from_bytes(hashlib.sha256(f"{style}\n{prompt}".encode()).digest()[:4], "big") >> 1


def paint(prompt: str, style: str, seed: int | None = None) -> Picture:
    """A 1024×1024 picture; `style` is a key of STYLES, `seed` overrides the one the prompt gives."""
    chosen = seed_of(prompt, style) if seed is None else seed
    rng = random.Random(chosen)
    palette = palettes.choose(prompt, rng)
    return Picture(prompt, style, chosen, palette.name, STYLES[style](rng, palette))
