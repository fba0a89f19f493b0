"""What every painter draws with: blends, gradients, noise, glows and grain, all repeatable from one `Random`."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imagegene.palettes import Colour

SIZE = 1024
SCALE = 2
BIG = SIZE * SCALE  # painters work at twice the size; shrinking at the end is the antialiasing

Point = tuple[float, float]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0–1) of `second`."""
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def along(colours: Sequence[Colour], place: float) -> Colour:
    """The colour at `place` (0–1) on an evenly spaced ramp."""
    position = min(1.0, max(0.0, place)) * (len(colours) - 1)
    index = min(int(position), len(colours) - 2)
    return mix(colours[index], colours[index + 1], position - index)


def gradient(colours: Sequence[Colour], width: int = BIG, height: int = BIG) -> Image.Image:
    """A vertical ramp."""
    strip = Image.new("RGB", (1, height))
    strip.putdata([along(colours, y / (height - 1)) for y in range(height)])
    return strip.resize((width, height))


def fade(levels: Callable[[float], float], width: int = BIG, height: int = BIG) -> Image.Image:
    """A vertical mask; `levels` maps 0 (top) … 1 (bottom) to 0 … 1."""
    strip = Image.new("L", (1, height))
    strip.putdata([round(255 * min(1.0, max(0.0, levels(y / (height - 1))))) for y in range(height)])
    return strip.resize((width, height))


def noise(rng: random.Random, cells: tuple[int, int], size: int = BIG, octaves: int = 4) -> Image.Image:
    """Fractal noise as a grey picture, stretched to full contrast; `cells`: the coarsest features across and down."""
    total = Image.new("L", (size // 4, size // 4), 128)
    for octave in range(octaves):
        across, down = cells[0] << octave, cells[1] << octave
        layer = Image.frombytes("L", (across, down), rng.randbytes(across * down)).resize(
            total.size, Image.Resampling.BICUBIC
        )
        total = layer if octave == 0 else Image.blend(total, layer, 0.5 ** (octave + 0.4))
    low, high = (int(bound) for bound in total.getextrema())  # type: ignore[arg-type]
    stretch = 255 / max(1, high - low)
    return total.point(lambda level: (level - low) * stretch).resize((size, size), Image.Resampling.BICUBIC)


def glow(picture: Image.Image, centre: Point, radius: float, colour: Colour, strength: float = 1.0) -> Image.Image:
    """Screen a soft round light over the picture."""
    small = 256
    mask = ImageChops.invert(Image.radial_gradient("L")).point(
        lambda level: 255 * strength * (max(0, level - 74) / 181) ** 2
    )
    side = max(2, round(radius * 2))
    light = Image.new("RGB", (small, small))
    light.paste(Image.new("RGB", (small, small), colour), (0, 0), mask)
    spread = Image.new("RGB", picture.size)
    spread.paste(
        light.resize((side, side), Image.Resampling.BICUBIC), (round(centre[0] - radius), round(centre[1] - radius))
    )
    return ImageChops.screen(picture, spread)


def disc(draw: ImageDraw.ImageDraw, centre: Point, radius: float, fill: Colour | int) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def vignette(picture: Image.Image, strength: float) -> Image.Image:
    """Darken towards the corners, gently."""
    mask = Image.radial_gradient("L").point(lambda level: 255 - 255 * strength * (level / 255) ** 2.4)
    shade = mask.resize(picture.size, Image.Resampling.BICUBIC)
    return ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))


def finish(picture: Image.Image, rng: random.Random, grain: float = 1.0) -> Image.Image:
    """Shrink to the final size and add the trace of grain that keeps wide gradients from banding."""
    small = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    specks = Image.frombytes("L", (SIZE, SIZE), rng.randbytes(SIZE * SIZE)).filter(ImageFilter.BoxBlur(0.6))
    offset = specks.point(lambda level: 128 + (level - 128) * 0.035 * grain)
    return ImageChops.add(small, Image.merge("RGB", (offset, offset, offset)), 1, -128)


def ridge(rng: random.Random, count: int, roughness: float = 0.5) -> list[float]:
    """A skyline of `count` heights in -1 … 1: midpoint displacement, each level `roughness` times the last."""
    heights = [rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)]
    reach = 1.0
    while len(heights) < count:
        between = [(a + b) / 2 + rng.uniform(-reach, reach) for a, b in itertools.pairwise(heights)]
        heights = [height for pair in zip(heights, between, strict=False) for height in pair] + heights[-1:]
        reach *= roughness
    top = max(abs(height) for height in heights)
    return [height / top for height in heights[:count]]


def sampled(values: Sequence[float], place: float) -> float:
    """Linear interpolation at `place` 0–1."""
    position = min(1.0, max(0.0, place)) * (len(values) - 1)
    index = min(int(position), len(values) - 2)
    return values[index] + (values[index + 1] - values[index]) * (position - index)


def turned(centre: Point, angle: float, distance: float) -> Point:
    return centre[0] + math.cos(angle) * distance, centre[1] + math.sin(angle) * distance
