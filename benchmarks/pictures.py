"""The pictures that are measured: those of a directory where there is one, else photographs that scikit-image ships."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import skimage
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
KINDS = {".png", ".jpg", ".jpeg", ".webp", ".avif"}
SIDE = 1024
SHIPPED = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)


def directory() -> Path:
    """Where pictures of one's own may lie: BENCH_IMAGES, or a directory beside this one."""
    return Path(os.environ.get("BENCH_IMAGES") or ROOT.parent / "shared" / "images")


def found() -> tuple[str, list[bytes]]:
    """What pictures they are, in words, and their files."""
    own = [path.read_bytes() for path in _own()]
    if own:
        return "of image models", own
    home = Path(skimage.__file__).parent / "data"
    return f"that scikit-image ships, at {SIDE} × {SIDE}", [_as_models_make_them(home / name) for name in SHIPPED]


def _own() -> Iterator[Path]:
    if directory().is_dir():
        yield from sorted(path for path in directory().iterdir() if path.suffix.lower() in KINDS)


def _as_models_make_them(path: Path) -> bytes:
    """A photograph as a square PNG. Enlarged ones come out as soft as a model's pictures, and about as large."""
    out = io.BytesIO()
    square = ImageOps.fit(Image.open(path).convert("RGB"), (SIDE, SIDE), Image.Resampling.LANCZOS)
    square.save(out, "PNG")
    return out.getvalue()
