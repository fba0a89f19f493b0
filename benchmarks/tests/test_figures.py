"""The harness's own arithmetic, on numbers that can be checked by hand."""

import json

import pytest

from benchmarks import report
from benchmarks.figures import Series, times_as_fast
from benchmarks.race import Candidate, Pace, race
from benchmarks.tables import table
from benchmarks.targets import Target, number


def test_a_rate_is_that_of_the_median_round():
    assert Series("a", calls=10, wall=[1.0, 2.0, 100.0]).rate() == 5


def test_cpu_is_the_programs_and_the_databases_together():
    series = Series("a", calls=2, wall=[9.0], program=[1.0], database=[3.0])
    assert [series.per_call(cost) for cost in ("wall", "program", "cpu")] == [4.5, 0.5, 2.0]


def test_without_a_database_to_watch_cpu_is_the_programs():
    assert Series("a", calls=2, wall=[9.0], program=[1.0]).per_call("cpu") == 0.5


def test_ratios_are_taken_round_by_round():
    # By rates of medians it would be 3; a round in which the machine was busy slows both sides.
    slow = Series("slow", calls=1, wall=[2.0, 20.0, 6.0])
    fast = Series("fast", calls=1, wall=[1.0, 10.0, 2.0])
    assert times_as_fast(fast, slow, "wall") == 2
    assert times_as_fast(slow, fast, "wall") == 0.5


def test_ratios_count_calls_not_rounds():
    one, other = Series("one", calls=10, wall=[1.0]), Series("other", calls=5, wall=[1.0])
    assert times_as_fast(one, other, "wall") == 2


def test_a_series_survives_being_written_and_read():
    series = Series("a", calls=2, wall=[9.0, 8.0], program=[1.0, 2.0])
    kept = json.loads(report.as_json({"ledger": {"here": {"series": [series.facts()]}}}))
    assert Series.of(kept["ledger"]["here"]["series"][0]) == series


def test_results_keep_a_list_of_numbers_on_one_line():
    assert '"wall": [1.0, 2.5]' in report.as_json({"part": {"": {"wall": [1.0, 2.5]}}})


def test_candidates_take_turns_and_none_is_always_first():
    order: list[str] = []

    def candidate(name):
        def run(calls):
            order.append(name)
            return 1.0

        return Candidate(name, run)

    series = race([candidate("a"), candidate("b")], Pace(rounds=2, seconds=1.0), lambda: None)
    warm_up, turns = order[:2], order[2:]
    assert warm_up == ["a", "b"]
    assert turns == ["a", "b", "b", "a"]
    assert [(one.name, one.calls, one.wall) for one in series] == [("a", 1, [1.0, 1.0]), ("b", 1, [1.0, 1.0])]


def test_a_turn_is_filled_with_whole_steps():
    def run(calls):
        return calls * 0.001

    (series,) = race([Candidate("a", run, step=8)], Pace(rounds=1, seconds=0.1), lambda: None)
    assert series.calls == 96


@pytest.mark.parametrize(
    ("got", "at_most", "reached"),
    [(2.0, False, True), (1.9, False, False), (2.1, True, False), (2.0, True, True), (None, True, False)],
)
def test_a_target_is_reached_from_the_right_side_only(got, at_most, reached):
    assert Target("speed", "here", 2.0, got, at_most).reached is reached


def test_a_missed_target_says_so():
    cells = Target("speed", "here", 2.0, None).cells()
    assert cells == ["speed", "here", "≥ 2.00", "not measured", "**missed**"]


def test_figures_have_the_digits_that_mean_something():
    assert [number(value) for value in (12345.6, 123.4, 12.34, 1.234, 0.1234)] == [
        "12,346",
        "123",
        "12.3",
        "1.23",
        "0.123",
    ]


def test_a_table_is_markdown_with_figures_to_the_right():
    assert table(["way", "ms"], [["one", "1"], ["another", "12.5"]]) == (
        "| way     |   ms |\n| ------- | ---: |\n| one     |    1 |\n| another | 12.5 |"
    )
