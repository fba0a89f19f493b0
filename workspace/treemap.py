"""The workspace as a picture: every large project is an area as large as its bytes, with what is free beside them.

Squarified as Bruls, Huizing and van Wijk describe it (2000), in percent of the picture. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User
from workspace.gallery import HEAVY
from workspace.models import Project

CELLS = 24
# How much wider than high the picture is drawn, about: cells come out square where that is true.
RATIO = 1.9
# Of less than this much in use, in percent, a picture would show next to nothing.
LEAST_USED = 12


@dataclass(frozen=True)
class Box:
    """An area of the picture, in percent of its width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Cell:
    """A project and its area; none: all that is too small to be shown by itself, the trash included."""

    box: Box
    count_bytes: int
    project: Project | None

    @property
    def roomy(self) -> bool:
        """Whether words fit into it on a desk."""
        return self.box.width > 11 and self.box.height > 18


@dataclass(frozen=True)
class Map:
    cells: list[Cell]
    free: Box


def map_of(user: User, used_bytes: int, limit_bytes: int) -> Map | None:
    """The picture of the person's workspace, or None while it is nearly empty. One query."""
    share = min(100.0, 100 * used_bytes / limit_bytes) if limit_bytes else 100.0
    if share < LEAST_USED:
        return None
    counting = Project.objects.owned_by(user).live().filter(file_size_bytes__gt=0)
    shown = list(counting.select_related("app").defer(*HEAVY).order_by("-file_size_bytes", "-id")[:CELLS])
    rest = used_bytes - sum(project.file_size_bytes for project in shown)
    sizes = [project.file_size_bytes for project in shown] + ([rest] if rest > 0 else [])
    boxes = squarified(sizes, Box(0, 0, share, 100))
    parts: list[Project | None] = [*shown, None]
    cells = [Cell(box, size, part) for box, size, part in zip(boxes, sizes, parts, strict=False)]
    return Map(cells, Box(round(share, 3), 0, round(100 - share, 3), 100))


def squarified(sizes: Sequence[int], space: Box) -> list[Box]:
    """An area within `space` for each of the sizes, in proportion and in their order."""
    if not sizes:
        return []
    scale = space.width * space.height / sum(sizes)
    areas = [size * scale for size in sizes]
    boxes: list[Box] = []
    while areas:
        # A row lies along the shorter side, as it is drawn.
        upright = space.width * RATIO >= space.height
        side = space.height if upright else space.width
        count = _fitting(areas, side, RATIO if upright else 1 / RATIO)
        row, areas = areas[:count], areas[count:]
        depth = sum(row) / side
        boxes += _row(row, space, depth, upright)
        space = _beside(space, depth, upright)
    return boxes


def _fitting(areas: Sequence[float], side: float, stretch: float) -> int:
    """How many of the next areas make the squarest row."""
    best, count = _worst(areas[:1], side, stretch), 1
    while count < len(areas) and (worst := _worst(areas[: count + 1], side, stretch)) <= best:
        best, count = worst, count + 1
    return count


def _worst(row: Sequence[float], side: float, stretch: float) -> float:
    """The longest side of any area in the row over its shortest."""
    depth = sum(row) / side
    ratios = [depth * stretch / (area / depth) for area in row]
    return max(max(ratio, 1 / ratio) for ratio in ratios)


def _row(row: Sequence[float], space: Box, depth: float, upright: bool) -> list[Box]:
    boxes, along = [], 0.0
    for area in row:
        length = area / depth
        sides = (space.x, space.y + along, depth, length) if upright else (space.x + along, space.y, length, depth)
        boxes.append(Box(*(round(side, 3) for side in sides)))
        along += length
    return boxes


def _beside(space: Box, depth: float, upright: bool) -> Box:
    """What a row leaves of the space."""
    if upright:
        return Box(space.x + depth, space.y, space.width - depth, space.height)
    return Box(space.x, space.y + depth, space.width, space.height - depth)
