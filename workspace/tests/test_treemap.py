"""The picture of a workspace is to scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from workspace import services, treemap
from workspace.tests.page_cast import join, write
from workspace.treemap import Box, squarified

SPACE = Box(0, 0, 80, 100)


@given(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=30))
def test_every_area_is_in_proportion_and_inside(sizes: list[int]) -> None:
    boxes = squarified(sizes, SPACE)
    whole = SPACE.width * SPACE.height
    assert [box.width * box.height / whole for box in boxes] == pytest.approx(
        [size / sum(sizes) for size in sizes], abs=1e-3
    )
    assert max(box.x + box.width for box in boxes) <= SPACE.width + 0.01
    assert max(box.y + box.height for box in boxes) <= SPACE.height + 0.01
    assert min(min(box.x, box.y) for box in boxes) >= 0


@given(st.lists(st.integers(1, 1_000), min_size=2, max_size=12))
def test_no_two_areas_overlap(sizes: list[int]) -> None:
    boxes = squarified(sizes, SPACE)
    pairs = [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :]]
    assert pairs
    assert max(_overlap(a.x, a.width, b.x, b.width) * _overlap(a.y, a.height, b.y, b.height) for a, b in pairs) < 0.5


def _overlap(start: float, length: float, other: float, other_length: float) -> float:
    return max(0.0, min(start + length, other + other_length) - max(start, other))


def test_nothing_is_shown_of_nothing() -> None:
    assert squarified([], SPACE) == []


@pytest.mark.django_db
def test_shows_the_largest_projects_and_the_rest_as_one() -> None:
    alice = join("alice")
    for number in range(treemap.CELLS + 3):
        write(alice, f"Text {number}", "x" * (100 + number))
    services.trash(user=alice, app=None, project_code=write(alice, "Gone", "y" * 300).code)
    used = services.workspace_of(user=alice).used_bytes
    shown = treemap.map_of(alice, used, 2 * used)
    assert shown is not None
    assert [cell.project.title for cell in shown.cells if cell.project][:2] == ["Text 26", "Text 25"]
    assert (len(shown.cells), shown.cells[-1].project) == (treemap.CELLS + 1, None)
    assert shown.cells[-1].count_bytes == 300 + 100 + 101 + 102
    assert sum(cell.count_bytes for cell in shown.cells) == used
    assert (shown.free.x, shown.free.width) == (50, 50)


@pytest.mark.django_db
def test_a_nearly_empty_workspace_has_no_picture_and_an_overfull_one_no_free_space(alice: User) -> None:
    write(alice, "Text", "x" * 500)
    assert treemap.map_of(alice, 500, 1_000_000) is None
    full = treemap.map_of(alice, 500, 400)
    assert full is not None
    assert full.free.width == 0
