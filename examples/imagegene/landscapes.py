"""Painters of places: ridges at dusk, a city at night, ink-wash waves, an aurora over a lake."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import cast

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imagegene.canvas import BIG, Point, along, disc, fade, finish, glow, gradient, mix, noise, ridge, sampled, vignette
from imagegene.palettes import Colour, Palette


def dusk(rng: random.Random, palette: Palette) -> Image.Image:
    """Mountains at dusk: the further a ridge, the more of the horizon's haze it takes."""
    horizon = BIG * rng.uniform(0.56, 0.62)
    picture = Image.new("RGB", (BIG, BIG))
    picture.paste(gradient(palette.sky, height=round(horizon * 1.12)), (0, 0))
    picture = _stars(picture, rng, palette.paper, 160, horizon * 0.5)
    sun = (BIG * rng.uniform(0.25, 0.75), horizon - BIG * rng.uniform(0.06, 0.2))
    picture = _clouds(picture, rng, palette, horizon)
    picture = glow(picture, sun, BIG * 0.55, mix(palette.accents[1], palette.sky[-1], 0.3), 0.55)
    disc(ImageDraw.Draw(picture), sun, BIG * 0.052, mix(palette.sky[-1], (255, 250, 235), 0.75))
    picture = glow(picture, sun, BIG * 0.2, palette.accents[0], 0.7)
    layers = 7
    for layer in range(layers):
        depth = layer / (layers - 1)
        top = horizon + BIG * (0.40 * depth**1.25 - 0.05)
        heights = ridge(rng, 513, 0.56 - 0.08 * depth)
        lift = BIG * (0.085 + 0.045 * depth)
        points = [(BIG * i / 512, top - lift * height) for i, height in enumerate(heights)]
        picture = _ridge_layer(picture, points, along(palette.land, depth), palette, depth)
        if layer >= layers - 2:
            _pines(picture, rng, points, along(palette.land, depth), BIG * (0.022 + 0.03 * (layer - layers + 2)))
    _birds(picture, rng, (sun[0] + BIG * rng.uniform(-0.16, 0.16), sun[1] - BIG * 0.1), palette.deep)
    return finish(vignette(picture, 0.28), rng)


def _ridge_layer(
    picture: Image.Image, points: list[Point], colour: Colour, palette: Palette, depth: float
) -> Image.Image:
    mask = Image.new("L", (BIG, BIG))
    ImageDraw.Draw(mask).polygon([(0, BIG), *points, (BIG, BIG)], fill=255)
    top = max(0, round(min(y for _, y in points)))
    haze = mix(colour, palette.sky[-1], 0.42 * (1 - depth) + 0.06)
    foot = min(BIG, top + round(BIG * 0.3))
    body = Image.new("RGB", (BIG, BIG), haze)
    body.paste(gradient((colour, mix(colour, haze, 0.4), haze), height=foot - top), (0, top))
    return Image.composite(body, picture, mask)


def _pines(picture: Image.Image, rng: random.Random, ground: list[Point], colour: Colour, size: float) -> None:
    draw = ImageDraw.Draw(picture)
    density = ridge(rng, 65, 0.7)
    x = -size
    while x < BIG + size:
        x += size * rng.uniform(0.16, 0.5)
        wood = sampled(density, x / BIG)
        if wood < -0.15:
            continue
        y = sampled([point[1] for point in ground], x / BIG) + size * 0.15
        tall = size * rng.uniform(0.6, 1.25) * (0.7 + 0.5 * wood)
        for tier in range(5):
            wide = tall * (0.06 + 0.042 * tier)
            upper, lower = y - tall * (1 - tier * 0.17), y - tall * (0.74 - tier * 0.18)
            draw.polygon([(x, upper), (x - wide, lower), (x + wide, lower)], fill=colour)
        draw.rectangle((x - tall * 0.02, y - tall * 0.1, x + tall * 0.02, y + tall * 0.1), fill=colour)


def _birds(picture: Image.Image, rng: random.Random, centre: Point, colour: Colour) -> None:
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(4, 8)):
        x, y = centre[0] + rng.gauss(0, BIG * 0.06), centre[1] + rng.gauss(0, BIG * 0.025)
        wing, lift = BIG * rng.uniform(0.006, 0.011), rng.uniform(0.3, 0.6)
        left = [
            (x - wing * (1 - t), y - wing * lift * math.sin(math.pi * (1 - t) * 0.8)) for t in (0, 0.25, 0.5, 0.75, 1)
        ]
        right = [(2 * x - px, py) for px, py in reversed(left)]
        draw.line(left + right, fill=colour, width=5, joint="curve")


def _stars(picture: Image.Image, rng: random.Random, colour: Colour, count: int, depth: float) -> Image.Image:
    draw = ImageDraw.Draw(picture)
    for _ in range(count):
        x, y = rng.uniform(0, BIG), depth * rng.random() ** 1.6
        red, green, blue = cast(Colour, picture.getpixel((int(x), int(y))))
        shine = rng.random() ** 2 * (1 - y / depth)
        disc(
            draw,
            (x, y),
            1.3 + 2.6 * shine,
            mix((red, green, blue), colour, 0.25 + 0.75 * shine),
        )
    return picture


def _clouds(picture: Image.Image, rng: random.Random, palette: Palette, horizon: float) -> Image.Image:
    field = noise(rng, (2, 9), octaves=4)
    mask = field.point(lambda level: max(0, level - 128) * 1.5)
    mask = ImageChops.multiply(mask, fade(lambda y: 1.5 * math.sin(math.pi * min(1.0, y * BIG / horizon)) ** 1.5))
    lit = gradient(
        (mix(palette.sky[1], palette.accents[2], 0.35), palette.accents[1], palette.sky[-1]), height=round(horizon)
    )
    tint = Image.new("RGB", (BIG, BIG), palette.sky[-1])
    tint.paste(lit, (0, 0))
    return Image.composite(tint, picture, mask.point(lambda level: level * 0.55))


def city(rng: random.Random, palette: Palette) -> Image.Image:
    """A city at night across the water: towers in three depths, lit windows, the whole of it mirrored."""
    water = round(BIG * 0.7)
    picture = gradient(palette.sky, height=BIG)
    picture.paste(gradient(palette.sky, height=round(water * 1.05)), (0, 0))
    picture = _stars(picture, rng, palette.paper, 220, water * 0.6)
    moon = (BIG * rng.choice((rng.uniform(0.14, 0.3), rng.uniform(0.7, 0.86))), BIG * rng.uniform(0.14, 0.24))
    picture = glow(picture, moon, BIG * 0.32, mix(palette.accents[0], palette.sky[2], 0.4), 0.6)
    disc(ImageDraw.Draw(picture), moon, BIG * 0.045, mix(palette.paper, palette.accents[0], 0.25))
    for depth, (tall, wide) in enumerate(((0.33, 0.034), (0.42, 0.046), (0.28, 0.06))):
        body = along((mix(palette.sky[3], palette.land[0], 0.5), palette.land[2], palette.deep), depth / 2)
        _towers(picture, rng, palette, body, water, (BIG * tall, BIG * wide), depth)
        haze = fade(lambda y: max(0.0, (y * BIG - water * 0.62) / (water * 0.38))).point(_times(0.5 - 0.17 * depth))
        picture = Image.composite(
            Image.new("RGB", (BIG, BIG), mix(palette.sky[3], palette.sky[-1], 0.4)), picture, haze
        )
    lights = ImageChops.multiply(picture, picture).filter(ImageFilter.GaussianBlur(BIG * 0.012))
    picture = ImageChops.screen(picture, lights.point(lambda level: level * 1.6))
    return finish(vignette(_mirror(picture, rng, water, palette), 0.3), rng)


def _times(share: float) -> Callable[[float], float]:
    return lambda level: level * share


def _towers(
    picture: Image.Image,
    rng: random.Random,
    palette: Palette,
    body: Colour,
    ground: int,
    size: tuple[float, float],
    depth: int,
) -> None:
    draw = ImageDraw.Draw(picture)
    skyline = ridge(rng, 33, 0.75)
    x = -size[1] * rng.random()
    while x < BIG:
        wide = size[1] * rng.uniform(0.6, 1.35)
        tall = size[0] * (0.55 + 0.42 * sampled(skyline, x / BIG)) * rng.uniform(0.75, 1.15)
        top = ground - max(tall, size[0] * 0.16)
        shade = mix(body, palette.sky[2], rng.uniform(0, 0.12))
        draw.rectangle((x, top, x + wide, ground), fill=shade)
        _roof(draw, rng, (x, top, wide), shade, palette)
        _windows(draw, rng, (x, top, x + wide, ground), shade, palette, depth)
        x += wide * rng.uniform(0.82, 1.12)


def _roof(
    draw: ImageDraw.ImageDraw, rng: random.Random, at: tuple[float, float, float], shade: Colour, palette: Palette
) -> None:
    x, top, wide = at
    kind = rng.randrange(5)
    if kind == 0:
        draw.rectangle((x + wide * 0.2, top - wide * 0.25, x + wide * 0.8, top), fill=shade)
        draw.rectangle((x + wide * 0.36, top - wide * 0.5, x + wide * 0.64, top), fill=shade)
    elif kind == 1:
        draw.polygon([(x, top), (x + wide, top), (x + wide, top - wide * 0.4)], fill=shade)
    elif kind == 2:
        draw.line((x + wide / 2, top, x + wide / 2, top - wide * 1.1), fill=shade, width=6)
        disc(draw, (x + wide / 2, top - wide * 1.1), 7, palette.accents[1])
    elif kind == 3:
        draw.polygon([(x + wide * 0.1, top), (x + wide * 0.9, top), (x + wide * 0.5, top - wide * 0.6)], fill=shade)


def _windows(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    box: tuple[float, float, float, float],
    shade: Colour,
    palette: Palette,
    depth: int,
) -> None:
    left, top, right, bottom = box
    step = (9.0, 12.0, 16.0)[depth]
    pane = step * rng.choice((0.42, 0.5, 0.62))
    lit = rng.uniform(0.12, 0.5)
    warm = rng.choice((palette.accents[0], mix(palette.accents[0], (255, 255, 255), 0.4), palette.accents[3]))
    columns = max(1, int((right - left) / step) - 1)
    inset = (right - left - columns * step) / 2 + (step - pane) / 2
    for row in range(int((bottom - top - step) / (step * 1.25))):
        whole_floor = rng.random() < 0.06
        for column in range(columns):
            if not whole_floor and rng.random() > lit:
                continue
            x, y = left + inset + column * step, top + step * (0.8 + row * 1.25)
            colour = palette.accents[2] if rng.random() < 0.04 else warm
            draw.rectangle(
                (x, y, x + pane, y + step * 0.62), fill=mix(shade, colour, rng.uniform(0.35, 0.95) - 0.12 * (2 - depth))
            )


def _mirror(picture: Image.Image, rng: random.Random, water: int, palette: Palette) -> Image.Image:
    """Fold the part above `water` under it: stretched, rippled row by row, darker towards the viewer."""
    deep = BIG - water
    above = picture.crop((0, water - round(deep * 1.5), BIG, water)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirrored = above.resize((BIG, deep)).filter(ImageFilter.BoxBlur((1, 14)))
    rippled = Image.new("RGB", (BIG, deep))
    band, phase = 2, rng.uniform(0, 6)
    for y in range(0, deep, band):
        near = y / deep
        sway = (
            math.sin(y * (0.11 - 0.06 * near) + phase) + 0.5 * math.sin(y * 0.043 + 2 * phase) + rng.uniform(-0.5, 0.5)
        )
        row = mirrored.crop((0, y, BIG, y + band))
        rippled.paste(ImageChops.offset(row, round(sway * (2 + 12 * near)), 0), (0, y))
    dark = Image.new("RGB", (BIG, deep), palette.sky[0])
    mask = fade(lambda y: 0.22 + 0.5 * y, height=deep)
    picture.paste(Image.composite(dark, rippled, mask), (0, water))
    ImageDraw.Draw(picture).rectangle((0, water - 5, BIG, water + 2), fill=palette.deep)
    return picture


def ink_waves(rng: random.Random, palette: Palette) -> Image.Image:
    """Ink-wash waves on paper: each swell dark at its crest, fading down, combed with fine lines; a red sun."""
    paper = Image.new("RGB", (BIG, BIG), palette.paper)
    fibre = noise(rng, (60, 8), octaves=3).point(lambda level: 238 + level * 0.066)
    picture = ImageChops.multiply(paper, Image.merge("RGB", (fibre, fibre, fibre)))
    wash = noise(rng, (3, 3)).point(lambda level: max(0, level - 110) * 0.5)
    picture = Image.composite(gradient((palette.sky[1], palette.sky[-1], palette.paper)), picture, wash)
    sun = (BIG * rng.uniform(0.28, 0.72), BIG * rng.uniform(0.24, 0.34))
    picture = _ink_sun(
        picture, rng, sun, max(palette.accents, key=lambda colour: 2 * colour[0] - colour[1] - colour[2])
    )
    layers = 8
    for layer in range(layers):
        depth = layer / (layers - 1)
        picture = _swell(picture, rng, palette, BIG * (0.40 + 0.52 * depth**1.1), depth)
    return finish(vignette(picture, 0.12), rng, 1.4)


def _ink_sun(picture: Image.Image, rng: random.Random, centre: Point, colour: Colour) -> Image.Image:
    mask = Image.new("L", (BIG, BIG))
    disc(ImageDraw.Draw(mask), centre, BIG * 0.115, 255)
    mask = mask.filter(ImageFilter.GaussianBlur(3))
    bleed = noise(rng, (12, 12), octaves=3).point(lambda level: 190 + level * 0.25)
    return Image.composite(Image.new("RGB", (BIG, BIG), colour), picture, ImageChops.multiply(mask, bleed))


def _swell(picture: Image.Image, rng: random.Random, palette: Palette, base: float, depth: float) -> Image.Image:
    height = BIG * (0.022 + 0.055 * depth)
    parts = [(rng.uniform(0.8, 1.5), 1.0), (rng.uniform(1.9, 2.8), 0.5), (rng.uniform(4, 6), 0.14)]
    phases = [rng.uniform(0, math.tau) for _ in parts]

    def crest(x: float) -> float:
        total = 0.0
        for (frequency, weight), phase in zip(parts, phases, strict=True):
            # 1 - |sin| has the sharp crests and round troughs of water
            total += weight * (1 - 2 * abs(math.sin(math.pi * frequency * x * (1.5 - 0.5 * depth) + phase)) ** 1.3)
        return base - height * total

    line = [(BIG * i / 400, crest(i / 400)) for i in range(401)]
    mask = Image.new("L", (BIG, BIG))
    ImageDraw.Draw(mask).polygon([(0, BIG), *line, (BIG, BIG)], fill=255)
    colour = along(palette.land, 0.15 + 0.85 * depth)
    top = round(min(y for _, y in line))
    tall = round(height * 3.4 + BIG * 0.1)
    body = Image.new("RGB", (BIG, BIG), mix(palette.paper, colour, 0.12))
    body.paste(
        gradient((colour, mix(colour, palette.paper, 0.55), mix(palette.paper, colour, 0.12)), height=tall), (0, top)
    )
    draw = ImageDraw.Draw(body)
    for stripe in range(1, 9):
        shift = stripe * (BIG * (0.006 + 0.006 * depth)) * (1 + stripe * 0.05)
        tone = mix(palette.paper, colour, 0.75 - stripe * 0.06)
        pale = mix(palette.paper, colour, max(0.0, 0.28 - stripe * 0.02))
        draw.line(
            [(x, y + shift) for x, y in line],
            fill=pale if stripe < 4 else tone,
            width=round(2 + 3 * depth),
            joint="curve",
        )
    picture = Image.composite(body, picture, mask)
    ImageDraw.Draw(picture).line(
        line, fill=mix(palette.paper, (255, 255, 255), 0.5), width=round(4 + 8 * depth), joint="curve"
    )
    return picture
