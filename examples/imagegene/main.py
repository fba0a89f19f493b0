"""ImageGene's command line: paint a picture and save it to the user's Unified workspace, paid on delivery."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.extend(str(Path(__file__).resolve().parents[2] / place) for place in ("examples", "clients/python"))

import delivery

from imagegene.painter import STYLES, paint


def _order(prompt: str, style: str, title: str | None, fail: bool) -> delivery.Order:
    def make() -> delivery.Piece:
        if fail:
            raise delivery.GenerationFailed("asked to, with --fail")
        picture = paint(prompt, style)
        name = re.sub(r"[^a-z0-9]+", "-", (title or prompt).lower()).strip("-")[:60] or "picture"
        sentence = f"Painted “{title or prompt}”: {style}, {picture.palette} colours, seed {picture.seed}."
        file_name = f"{name}-{picture.seed}.png"
        return delivery.Piece(title or prompt[:80], picture.png(), dict(picture.metadata), file_name, sentence)

    return delivery.Order("image_generation", 1, f"Image: {title or prompt[:60]}", make)


def main(arguments: list[str] | None = None) -> int:
    parser = delivery.parser("imagegene", "Paint a 1024×1024 picture from a prompt and save it to Unified.")
    parser.add_argument("--style", default="mountains at dusk", choices=sorted(STYLES))
    options = parser.parse_args(arguments)
    single = {"prompt": options.prompt, "style": options.style, "title": options.title}
    asked = delivery.works(options, parser, single)
    if unknown := sorted({str(work["style"]) for work in asked} - STYLES.keys()):
        parser.error(f"no such style: {', '.join(unknown)}")
    orders = [_order(work["prompt"], work["style"], work["title"], options.fail) for work in asked]
    return delivery.run(options, "imagegene", "ai_art", orders)


if __name__ == "__main__":
    sys.exit(main())
