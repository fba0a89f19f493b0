"""What it takes to prove a ledger: `check_ledger` over a hundred thousand entries, and over a million."""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import history, people

ROOT = Path(__file__).resolve().parent.parent
KIB = 1024
# The command, then the kernel's word on what it held at once. wait4(2) would not do: what it says of a process is at
# least what the one that started it held.
CHECK = """
from pathlib import Path
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check_ledger"])
print(Path("/proc/self/status").read_text())
"""


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
    begun, used = time.perf_counter(), _cpu()
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    seconds, used = time.perf_counter() - begun, _cpu() - used
    if done.returncode:
        raise RuntimeError("The ledger that was made for the benchmark does not add up.")
    return {"seconds": seconds, "cpu": used, "peak_bytes": peak(done.stdout)}


def peak(status: str) -> int:
    """The most bytes a process held at once, by what its /proc/self/status says."""
    (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kib) * KIB


def _cpu() -> float:
    """CPU seconds of the processes that were started here and have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime
