"""What fitting and compressing more cost a picture: `.venv-bench/bin/python -m benchmarks.compressing` prints it."""

import os
import statistics
from collections import defaultdict

os.environ.setdefault("SECRET_KEY", "for-benchmarks-only-0123456789-abcdefghijklmnopqrstuvwxyz")
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

import django

django.setup()

from benchmarks import pictures, quality  # noqa: E402 (the settings must be ready first)
from workspace import images  # noqa: E402
from workspace.images import EncodedImage  # noqa: E402

# Bytes a picture has to fit into, as a share of what it takes when nothing presses.
SHARES = (0.8, 0.6)
COLUMNS = ("of its bytes", "quality", "tries", "SSIM", "SSIMULACRA2")


def ways(sent: bytes) -> dict[str, EncodedImage]:
    """The picture as stored at rest, compressed more, and made to fit."""
    whole = images.encode(sent, speed=6)
    limits = {f"fitted into {share:.0%}": int(share * len(whole.data)) for share in SHARES}
    return {
        "as stored at rest": whole,
        "compressed more": images.compress_more(whole.data, whole.encoder),
        **{name: images.encode(sent, speed=6, max_bytes=limit) for name, limit in limits.items()},
    }


def facts(sent: bytes, made: EncodedImage, whole: EncodedImage) -> list[float]:
    """In the order of COLUMNS; likeness only of what kept its size."""
    fit = made.encoder.get("fit")
    tries = len(fit["tried"]) - 1 if isinstance(fit, dict) and isinstance(fit["tried"], list) else 0
    known = [len(made.data) / len(whole.data), float(str(made.encoder["q"])), float(tries)]
    likeness = quality.of((sent, made.data)) if made.width == whole.width else {}
    return known + [likeness[name] for name in ("ssim", "ss2") if likeness]


def main() -> None:
    found: dict[str, list[list[float]]] = defaultdict(list)
    about, files = pictures.found()
    for sent in files:
        made = ways(sent)
        for name, picture in made.items():
            found[name].append(facts(sent, picture, made["as stored at rest"]))
    print(f"{len(files)} pictures {about}; medians, of likeness over those that kept their size")
    print(f"{'':20}{'kept size':>12}", *(f"{name:>12}" for name in COLUMNS))
    for name, rows in found.items():
        whole = [row for row in rows if len(row) == len(COLUMNS)]
        medians = [statistics.median(row[at] for row in (whole if at > 2 else rows)) for at in range(len(COLUMNS))]
        print(f"{name:20}{len(whole):12}", *(f"{median:12.3f}" for median in medians))


if __name__ == "__main__":
    main()
