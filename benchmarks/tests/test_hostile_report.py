"""What is said of hostile files."""

from benchmarks import hostile_report

FACTS = {
    "kinds": {
        "pictures": {
            "idle_bytes": 100_000_000,
            "peak_bytes": 140_000_000,
            "seconds": {"a bomb": 0.5, "half a picture": 1.2, "html": 0.1, "svg": 0.2},
        }
    }
}


def test_the_worst_file_and_what_memory_it_added_are_held_against_the_promise() -> None:
    seconds, memory = hostile_report.targets("", FACTS)
    assert (seconds.got, seconds.reached) == (1.2, False)
    assert (memory.got, memory.reached) == (40.0, True)


def test_the_slowest_files_are_named() -> None:
    shown = hostile_report.section("", FACTS)
    assert shown.index("half a picture") < shown.index("a bomb") < shown.index("svg")
    assert "html" not in shown
