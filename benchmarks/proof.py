"""What it takes to prove a ledger: `check_ledger` over a hundred thousand entries, and over a million."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import history, people

ROOT = Path(__file__).resolve().parent.parent
KIB = 1024


def measure(quick: bool) -> dict[str, Any]:
    """The command, as a process of its own, on the same wallet when it is short and when it is long."""
    user = people.rich("proven")
    checks, entries = [], 0
    for length in (10_000, 50_000) if quick else (100_000, 1_000_000):
        history.spend(user, length - entries)
        entries = length
        history.settle_down()
        checks.append({"entries": entries, **_check()})
    return {"checks": checks}


def _check() -> dict[str, float]:
    """Seconds by the clock, seconds of this program's CPU, and the most bytes it held at once."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "manage.py", "check_ledger"], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("The ledger that was made for the benchmark does not add up.")
    return {
        "seconds": time.perf_counter() - begun,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * KIB,  # Linux counts it in KiB, getrusage(2)
    }
