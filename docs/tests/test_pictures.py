"""What docs/pictures.md says was measured is what the last measurement says."""

import json
from pathlib import Path
from statistics import mean, median

import pytest

from workspace import compression

ROOT = Path(__file__).resolve().parents[2]
PIXELS = 1024 * 1024


@pytest.fixture(scope="module")
def at_rest() -> dict[str, list[float]]:
    measured = json.loads((ROOT / "benchmarks/results.json").read_text())["images"]
    return dict(measured[""]["ways"]["at_rest"])


def test_the_quality_at_rest_is_the_measured_one(at_rest: dict[str, list[float]]) -> None:
    page = (ROOT / "docs/pictures.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| as stored at rest |")]
    _, ssim, ss2 = (float(cell) for cell in row.split("|")[2:5])
    assert ssim == pytest.approx(median(at_rest["ssim"]), abs=0.001)
    assert ss2 == pytest.approx(median(at_rest["ss2"]), abs=0.3)


def test_what_a_picture_is_expected_to_take_is_what_it_took(at_rest: dict[str, list[float]]) -> None:
    assert mean(at_rest["bytes"]) / PIXELS == pytest.approx(compression.BYTES_PER_PIXEL, rel=0.05)
