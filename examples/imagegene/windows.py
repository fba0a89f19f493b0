"""The painter of leaded windows: Voronoi cells that keep to the edges of a drawing."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from imagegene.canvas import BIG, Point, along, finish, glow, mix, noise, turned, vignette
from imagegene.palettes import Colour, Palette


def stained_glass(rng: random.Random, palette: Palette) -> Image.Image:
    """A leaded window: a sun over hills and water, cut into Voronoi cells that keep to the drawing's edges."""
    window = _Window(rng, palette)
    sites = window.sites()
    picture = Image.new("RGB", (BIG, BIG), palette.deep)
    draw = ImageDraw.Draw(picture)
    cells = [(site, _cell(site, sites)) for site in sites]
    for site, shape in cells:
        if len(shape) > 2:
            draw.polygon(shape, fill=window.colour(site))
    picture = _glass(picture, rng, window.sun, palette)
    lead = mix(palette.deep, (12, 12, 18), 0.7)
    draw = ImageDraw.Draw(picture)
    for _, shape in cells:
        if len(shape) > 2:
            draw.line([*shape, shape[0], shape[1]], fill=lead, width=13, joint="curve")
    rim = BIG * 0.018
    draw.rectangle((0, 0, BIG, BIG), outline=lead, width=round(rim))
    return finish(vignette(picture, 0.3), rng)


class _Window:
    """The drawing behind the glass: where the sun stands, where hills and water begin, what colour a place has."""

    def __init__(self, rng: random.Random, palette: Palette) -> None:
        self.rng, self.palette = rng, palette
        self.sun: Point = (BIG * rng.uniform(0.36, 0.64), BIG * rng.uniform(0.3, 0.38))
        self.radius = BIG * rng.uniform(0.12, 0.15)
        self.phase, self.waves = rng.uniform(0, math.tau), rng.uniform(1.0, 1.6)

    def hill(self, x: float, layer: int) -> float:
        swing = math.sin(x / BIG * math.pi * self.waves * (1 + 0.35 * layer) + self.phase * (layer + 1))
        return BIG * (0.60 + 0.115 * layer + 0.05 * swing)

    def sites(self) -> list[Point]:
        """Pairs of sites on both sides of an edge make the cells meet along it; the rest are spread evenly."""
        found = [self.sun]
        for ring, count in ((0.62, 8), (1.36, 18), (2.1, 22), (2.95, 26), (3.9, 30)):
            shift = 0.5 * (ring > 1 and count % 4 == 2)
            angles = [math.tau * (i + shift) / count for i in range(count)]
            found += [turned(self.sun, angle, self.radius * ring) for angle in angles]
        found = [site for site in found if site[1] < self.hill(site[0], 0) - 40]
        for layer in range(4):
            across = 11 + 2 * layer
            for i in range(across):
                x = BIG * (i + 0.5 + 0.15 * self.rng.uniform(-1, 1)) / across
                y = self.hill(x, layer)
                found += [(x, y - 44), (x, y + 44)]
        return [site for site in self._filled(found) if -60 < site[0] < BIG + 60 and -60 < site[1] < BIG + 60]

    def _filled(self, found: list[Point]) -> list[Point]:
        for _ in range(1400):
            spot = (self.rng.uniform(0, BIG), self.rng.uniform(0, BIG))
            if math.dist(spot, self.sun) < 1.9 * self.radius:
                continue
            if all((spot[0] - x) ** 2 + (spot[1] - y) ** 2 > 112**2 for x, y in found):
                found.append(spot)
        return found

    def colour(self, site: Point) -> Colour:
        jitter = self.rng.uniform(-0.09, 0.09)
        from_sun = math.dist(site, self.sun) / self.radius
        below = [layer for layer in range(4) if site[1] > self.hill(site[0], layer)]
        if from_sun < 1 and not below:
            return mix(self.palette.accents[0], (255, 248, 214), 0.35 + 2 * jitter)
        if not below:
            sky = self.palette.sky
            ramp = (self.palette.accents[0], self.palette.accents[1], sky[2], sky[1], mix(sky[1], sky[0], 0.5), sky[0])
            return _vivid(along(ramp, (from_sun - 1) / 4.4 + 0.8 * jitter))
        hills = (self.palette.accents[2], self.palette.land[2], self.palette.accents[3], self.palette.land[3])
        tone = mix(hills[below[-1]], self.palette.land[3], 0.08 + 0.12 * below[-1])
        light = mix(self.palette.accents[0], (255, 255, 255), 0.2)
        return _vivid(mix(tone, light if jitter > 0 else self.palette.deep, 2.6 * abs(jitter)))


def _vivid(colour: Colour) -> Colour:
    grey = sum(colour) / 3
    red, green, blue = (min(255, max(0, round(grey + (part - grey) * 1.4))) for part in colour)
    return red, green, blue


def _cell(site: Point, sites: list[Point]) -> list[Point]:
    """The Voronoi cell: the canvas, cut once by the midline to every near neighbour."""
    edge = 30.0
    shape: list[Point] = [(-edge, -edge), (BIG + edge, -edge), (BIG + edge, BIG + edge), (-edge, BIG + edge)]
    near = sorted(((x - site[0]) ** 2 + (y - site[1]) ** 2, x, y) for x, y in sites)
    for square, x, y in near[1:29]:
        if square > 0:
            shape = _cut(shape, site, (x, y))
    return shape


def _cut(shape: list[Point], site: Point, other: Point) -> list[Point]:
    nx, ny = other[0] - site[0], other[1] - site[1]
    limit = (nx * (site[0] + other[0]) + ny * (site[1] + other[1])) / 2
    sides = [nx * x + ny * y - limit for x, y in shape]
    kept: list[Point] = []
    for i, point in enumerate(shape):
        before, last = shape[i - 1], sides[i - 1]
        if (last < 0) != (sides[i] < 0):
            share = last / (last - sides[i])
            kept.append((before[0] + (point[0] - before[0]) * share, before[1] + (point[1] - before[1]) * share))
        if sides[i] < 0:
            kept.append(point)
    return kept


def _glass(picture: Image.Image, rng: random.Random, sun: Point, palette: Palette) -> Image.Image:
    streaks = noise(rng, (9, 26), octaves=4).point(lambda level: 188 + level * 0.27)
    picture = ImageChops.multiply(picture, Image.merge("RGB", (streaks, streaks, streaks)))
    picture = glow(picture, sun, BIG * 0.75, palette.accents[0], 0.42)
    return glow(picture, sun, BIG * 0.28, mix(palette.accents[0], (255, 255, 255), 0.5), 0.5)
