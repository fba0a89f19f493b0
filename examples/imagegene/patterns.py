"""Painters of patterns: ribbons in a flow field, a sunflower by the golden angle."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw, ImageFilter

from imagegene.canvas import BIG, Point, along, disc, finish, glow, gradient, mix, noise, turned, vignette
from imagegene.palettes import Colour, Palette

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
LEAF: Colour = (92, 136, 74)


def flow_field(rng: random.Random, palette: Palette) -> Image.Image:
    """Ribbons that follow one smooth field of directions and never cross, widest first."""
    dark = rng.random() < 0.5
    ground = palette.deep if dark else palette.paper
    picture = Image.new("RGB", (BIG, BIG), ground)
    field = _Field(rng)
    taken = _Occupancy(BIG, 8)
    draw = ImageDraw.Draw(picture)
    colours = [colour for colour in palette.all if _contrast(colour, ground) > 60] or list(palette.all)
    for width, tries in ((84, 50), (50, 200), (28, 700), (14, 1900), (7, 3200)):
        for _ in range(tries):
            start = (rng.uniform(-40, BIG + 40), rng.uniform(-40, BIG + 40))
            path = _trace(field, taken, start, width, rng.randint(40, 190))
            if len(path) > 7:
                taken.mark(path, width / 2)
                _ribbon(draw, rng, path, width, colours, ground)
    return finish(vignette(picture, 0.12), rng)


class _Field:
    """Directions over the canvas: a gentle sweep bent by large, soft noise."""

    def __init__(self, rng: random.Random) -> None:
        self._bend = noise(rng, (2, 2), 256, 2).filter(ImageFilter.GaussianBlur(14)).tobytes()
        self._sweep = rng.uniform(0, math.tau)
        self._turn = rng.uniform(0.6, 0.95) * math.pi

    def angle(self, x: float, y: float) -> float:
        column = min(255, max(0, int(x * 256 / BIG)))
        row = min(255, max(0, int(y * 256 / BIG)))
        return self._sweep + self._turn * (self._bend[row * 256 + column] / 255 - 0.5) * 2


class _Occupancy:
    """Which cells of the canvas are painted already."""

    def __init__(self, size: int, cell: int) -> None:
        self._cell, self._margin = cell, 20
        self._across = size // cell + 2 * self._margin
        self._cells = bytearray(self._across * self._across)

    def _index(self, x: float, y: float) -> int:
        column = min(self._across - 1, max(0, int(x // self._cell) + self._margin))
        row = min(self._across - 1, max(0, int(y // self._cell) + self._margin))
        return row * self._across + column

    def free(self, x: float, y: float, angle: float, half: float) -> bool:
        sine, cosine = math.sin(angle) * half, math.cos(angle) * half
        side = (
            (0.0, 0.0),
            (-sine, cosine),
            (sine, -cosine),
            (cosine, sine),
            (-sine / 2, cosine / 2),
            (sine / 2, -cosine / 2),
        )
        return not any(self._cells[self._index(x + dx, y + dy)] for dx, dy in side)

    def mark(self, path: list[Point], radius: float) -> None:
        reach = math.ceil(radius / self._cell)
        steps = range(-reach, reach + 1)
        inside = [
            (a * self._cell, b * self._cell) for a in steps for b in steps if math.hypot(a, b) * self._cell <= radius
        ]
        for x, y in path:
            for dx, dy in inside:
                self._cells[self._index(x + dx, y + dy)] = 1


def _trace(field: _Field, taken: _Occupancy, start: Point, width: float, steps: int) -> list[Point]:
    x, y = start
    stride = max(9.0, width * 0.22)
    path: list[Point] = []
    for _ in range(steps):
        angle = field.angle(x, y)
        outside = not (-120 < x < BIG + 120 and -120 < y < BIG + 120)
        if outside or not taken.free(x, y, angle, width / 2 + 9):
            break
        path.append((x, y))
        x, y = x + math.cos(angle) * stride, y + math.sin(angle) * stride
    return path


def _ribbon(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    path: list[Point],
    width: float,
    colours: list[Colour],
    ground: Colour,
) -> None:
    # Neighbours agree on a colour, with exceptions: the place chooses it, chance shifts it.
    place = (path[0][0] + path[0][1]) / (2 * BIG) + rng.gauss(0, 0.16)
    colour = colours[int(place * len(colours)) % len(colours)]
    draw.polygon(_band(path, width / 2), fill=colour)
    disc(draw, path[0], width / 2, colour)
    disc(draw, path[-1], width / 2, colour)
    style = rng.random()
    if width >= 28 and style < 0.22:
        draw.polygon(_band(path, width * 0.31), fill=ground)
        draw.polygon(_band(path, width * 0.13), fill=colour)
    elif width >= 28 and style < 0.4:
        for x, y in path[2:-2:3]:
            disc(draw, (x, y), width * 0.14, mix(ground, colour, 0.1))


def _band(path: list[Point], half: float) -> list[Point]:
    """The outline of a ribbon: one polygon, because a wide polyline shows a crack at every joint."""
    left: list[Point] = []
    right: list[Point] = []
    for i, (x, y) in enumerate(path):
        (ax, ay), (bx, by) = path[max(0, i - 2)], path[min(len(path) - 1, i + 2)]
        across = math.atan2(by - ay, bx - ax) + math.pi / 2
        left.append(turned((x, y), across, half))
        right.append(turned((x, y), across, -half))
    return left + right[::-1]


def _contrast(first: Colour, second: Colour) -> float:
    return math.dist(first, second)


def sunflower(rng: random.Random, palette: Palette) -> Image.Image:
    """One great flower by the golden angle: petals in rings behind a spiral of seeds."""
    night = mix(palette.sky[0], palette.deep, 0.45)
    picture = gradient((night, mix(night, (8, 10, 18), 0.4)))
    centre = (BIG * rng.uniform(0.47, 0.53), BIG * rng.uniform(0.47, 0.53))
    picture = glow(picture, centre, BIG * 0.9, mix(palette.sky[1], palette.sky[0], 0.3), 0.8)
    leaves = (mix(LEAF, palette.deep, 0.55), mix(LEAF, palette.sky[2], 0.25))
    picture = _petals(picture, rng, centre, (26, BIG * 0.47, 0.2), leaves)
    rich = palette.accents
    outer = (mix(rich[2], palette.deep, 0.25), rich[1])
    picture = _petals(picture, rng, centre, (34, BIG * 0.42, 0.125), outer)
    picture = _petals(picture, rng, centre, (34, BIG * 0.36, 0.12), (rich[2], mix(rich[0], rich[1], 0.5)))
    picture = _petals(picture, rng, centre, (21, BIG * 0.3, 0.14), (rich[1], mix(rich[0], palette.paper, 0.2)))
    picture = _seeds(picture, centre, BIG * 0.19, palette)
    picture = glow(picture, (centre[0] - BIG * 0.1, centre[1] - BIG * 0.12), BIG * 0.5, palette.accents[0], 0.22)
    return finish(vignette(picture, 0.4), rng)


def _petals(
    picture: Image.Image,
    rng: random.Random,
    centre: Point,
    ring: tuple[int, float, float],
    colours: tuple[Colour, Colour],
) -> Image.Image:
    """A ring of `count` petals of `length`; dark at the root, light at the tip, a soft shadow under each ring."""
    count, length, plump = ring
    turn = rng.uniform(0, math.tau)
    shapes = []
    for i in range(count):
        angle = turn + math.tau * (i + rng.uniform(-0.18, 0.18)) / count
        shapes.append((angle, length * rng.uniform(0.9, 1.06), length * plump * rng.uniform(0.9, 1.15)))
    shadow = Image.new("L", (BIG // 4, BIG // 4))
    small = ImageDraw.Draw(shadow)
    for angle, long, wide in shapes:
        outline = _petal(centre, angle, long * 1.03, wide * 1.2)
        small.polygon([(x / 4 + 3, y / 4 + 5) for x, y in outline], fill=150)
    shadow = shadow.filter(ImageFilter.GaussianBlur(9)).resize((BIG, BIG), Image.Resampling.BILINEAR)
    picture = Image.composite(Image.new("RGB", (BIG, BIG), (14, 10, 18)), picture, shadow)
    draw = ImageDraw.Draw(picture)
    rng.shuffle(shapes)
    for angle, long, wide in shapes:
        tint = rng.uniform(-0.12, 0.12)
        for step in range(14):
            part = step / 13
            shape = _petal(centre, angle, long * (1 - 0.03 * part), wide * (1 - part) ** 0.8)
            draw.polygon(shape, fill=mix(colours[0], colours[1], 0.25 + 0.75 * part**0.8 + tint))
        draw.line(
            [turned(centre, angle, long * 0.3), turned(centre, angle, long * 0.93)],
            fill=mix(*colours, 0.45 + tint),
            width=4,
        )
    return picture


def _petal(centre: Point, angle: float, length: float, half: float) -> list[Point]:
    sides: list[list[Point]] = [[], []]
    for i in range(19):
        along_it = i / 18
        swell = half * math.sin(math.pi * along_it**1.25) ** 0.85 if 0 < i < 18 else 0.0
        spine = turned(centre, angle, length * along_it)
        for side, sign in zip(sides, (1, -1), strict=True):
            side.append(turned(spine, angle + sign * math.pi / 2, swell))
    return sides[0] + sides[1][::-1]


def _seeds(picture: Image.Image, centre: Point, radius: float, palette: Palette) -> Image.Image:
    draw = ImageDraw.Draw(picture)
    dark = mix(palette.deep, (20, 12, 10), 0.5)
    disc(draw, centre, radius * 1.04, dark)
    count = 900
    for n in reversed(range(count)):
        share = math.sqrt(n / count)
        spot = turned(centre, n * GOLDEN_ANGLE, radius * share)
        size = radius * (0.018 + 0.019 * share)
        colour = along(
            (
                mix(palette.accents[0], palette.land[2], 0.55),
                dark,
                mix(dark, palette.accents[2], 0.75),
                palette.accents[1],
            ),
            share,
        )
        disc(draw, (spot[0] + size * 0.2, spot[1] + size * 0.35), size, mix(dark, (0, 0, 0), 0.4))
        disc(draw, spot, size, colour)
        disc(draw, (spot[0] - size * 0.25, spot[1] - size * 0.3), size * 0.45, mix(colour, palette.accents[0], 0.5))
    return picture
