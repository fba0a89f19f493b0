"""What is written about the measurements is what was measured."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import plots, report
from benchmarks.images_report import fitting
from benchmarks.plots import Bar, Chart

ROOT = Path(report.__file__).resolve().parent.parent
SVG = "{http://www.w3.org/2000/svg}"


def drawing(chart):
    return ElementTree.fromstring(chart.svg())  # noqa: S314 - our own


@pytest.fixture
def last_results():
    return json.loads((ROOT / "benchmarks" / "results.json").read_text())


def test_the_page_says_what_the_last_results_say(last_results):
    assert (ROOT / "docs" / "benchmarks.md").read_text() == report.document(last_results), (
        'run `make bench ARGS="--redraw"`'
    )


def test_every_part_has_been_measured(last_results):
    assert set(last_results) == set(report.PARTS)
    assert "Not measured yet" not in report.document(last_results)


def test_the_page_and_its_charts_are_written_together(last_results, tmp_path):
    (tmp_path / "img").mkdir()
    report.write(last_results, tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    charts = sorted(path.name for path in (tmp_path / "img").iterdir())
    assert charts
    assert [name for name in charts if f"(img/{name})" not in page] == []
    assert page.count("(img/") == len(charts)


def test_a_page_without_measurements_says_so():
    assert report.document({}).count("Not measured yet.") == len(report.PARTS)


def test_every_target_of_what_was_measured_is_on_the_page(last_results):
    targets = report.targets(last_results)
    assert targets
    assert [target.text for target in targets if target.text not in report.document(last_results)] == []


def test_bars_are_as_long_as_their_values():
    chart = Chart("Speed", "here", [Bar("one", 1.0, "1"), Bar("three", 3.0, "3", ours=True)], mark=1.5, mark_says="1.5")
    drawn = drawing(chart)
    bars = [rect for rect in drawn.iter(f"{SVG}rect") if rect.get("class") in {"ours", "other"}]
    assert [rect.get("class") for rect in bars] == ["other", "ours"]
    assert float(bars[1].get("width")) == pytest.approx(3 * float(bars[0].get("width")), abs=0.2)
    (mark,) = drawn.iter(f"{SVG}line")
    assert float(mark.get("x1")) - float(bars[0].get("x")) == pytest.approx(1.5 * float(bars[0].get("width")), abs=0.2)


def test_charts_say_in_words_what_they_show_and_quote_it_safely():
    drawn = drawing(Chart('<a> & "b"', "here", [Bar("one", 1.0, "1")]))
    assert drawn.get("aria-label") == '<a> & "b". here. one: 1.'


def test_charts_wear_the_houses_colours_in_light_and_dark():
    light, dark = plots.colours()
    assert light.keys() == dark.keys() == set(plots.COLOURS)
    assert light["ink"] != dark["ink"]
    style = plots.style()
    assert style.index(light["accent"]) < style.index("prefers-color-scheme: dark") < style.index(dark["accent"])


def test_what_fits_is_counted_from_every_picture_on():
    assert fitting([6, 3, 3], room=10) == 2
    assert fitting([5], room=10) == 2
    assert fitting([11], room=10) == 0
