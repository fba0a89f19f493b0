"""The proof must not need more memory for more entries, and the report says when it does."""

from benchmarks import proof, proof_report

SHORT = {"entries": 1_000, "seconds": 2.0, "cpu": 1.0, "peak_bytes": 100e6}


def test_memory_that_grows_with_the_ledger_misses_the_target() -> None:
    long = {**SHORT, "entries": 10_000, "seconds": 10.0}
    (same,) = proof_report.targets("", {"checks": [SHORT, long]})
    (more,) = proof_report.targets("", {"checks": [SHORT, {**long, "peak_bytes": 130e6}]})
    assert (same.got, same.reached) == (1.0, True)
    assert (more.got, more.reached) == (1.3, False)


def test_a_row_says_how_fast_it_went() -> None:
    assert "| 1,000   |    2.00 |              500 |  1.00 |        100 |" in proof_report.section(
        "", {"checks": [SHORT]}
    )


def test_the_memory_is_the_most_it_held_not_what_it_holds() -> None:
    assert proof.peak("12 wallets\nVmPeak:\t  900 kB\nVmHWM:\t  120 kB\nVmRSS:\t  100 kB\n") == 120 * 1024
