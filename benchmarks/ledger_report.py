"""What the ledger's measurements say: targets, and a section of the document."""

from typing import Any

from benchmarks.figures import Series, times_as_fast
from benchmarks.plots import Bar, Chart
from benchmarks.tables import table
from benchmarks.targets import Target, number

NAMES = {
    "raw_five": "bare SQL, five statements, one connection",
    "raw_one": "bare SQL, one statement, one connection",
    "raw_five_pgbench": "bare SQL, five statements, pgbench, 16 connections",
    "raw_one_pgbench": "bare SQL, one statement, pgbench, 16 connections",
    "hordak": "django-hordak `transfer_to`",
    "service": "`services.charge`",
    "service_batch": "`services.charge_batch`, 1,000 charges a call",
    "no_write": "HTTP: the same endpoint without the write",
    "charge": "HTTP: `deduct-credits`",
    "charge_keyed": "HTTP: `deduct-credits` with an `Idempotency-Key`",
    "hold_capture": "HTTP: `holds`, then `capture` (two calls)",
    "batch": "HTTP: `deduct-credits/batch`, 1,000 charges a call",
}
# For the chart, where there is less room.
SHORT = {
    "raw_five": "bare SQL, five statements",
    "raw_one": "bare SQL, one statement",
    "hordak": "django-hordak transfer_to",
    "service": "services.charge",
    "service_batch": "services.charge_batch",
    "no_write": "HTTP, without the write",
    "charge": "HTTP, deduct-credits",
    "charge_keyed": "HTTP, deduct-credits with a key",
    "hold_capture": "HTTP, hold and capture, per call",
    "batch": "HTTP, batches of 1,000",
}
OURS = ("service", "service_batch", "charge", "charge_keyed", "hold_capture", "batch")
HEAD = ["charge by", "per second", "ms", "CPU ms", "of it database", "× no write", "× by CPU"]
RAW = ("raw_five", "raw_five_pgbench")


def read(facts: dict[str, Any]) -> dict[str, Series]:
    series = [Series.of(one) for one in facts["series"]]
    return {one.name: one for one in series}


def targets(database: str, facts: dict[str, Any]) -> list[Target]:
    """The promises about speed on one database; CPU counts the server, the program and the database together."""
    found = read(facts)

    def ratio(one: str, other: str) -> float | None:
        return times_as_fast(found[one], found[other], "cpu") if one in found and other in found else None

    made = []
    if "hordak" in found:
        made.append(Target("`services.charge` × django-hordak, by CPU", database, 2.0, ratio("service", "hordak")))
    made.append(Target("`deduct-credits` × no write, by CPU", database, 0.5, ratio("charge", "no_write")))
    made.append(Target("hold and capture × no write, a call, by CPU", database, 0.4, ratio("hold_capture", "no_write")))
    raw = max(found[name].rate() for name in RAW if name in found)
    got = found["batch"].rate() if "batch" in found else None
    made.append(Target("batch charges a second", database, min(10_000.0, 0.75 * raw), got))
    return made


def section(_: str, facts: dict[str, Any]) -> str:
    found = read(facts)
    rows = [_row(name, found[name], found["no_write"]) for name in NAMES if name in found]
    return f"{table(HEAD, rows)}\n"


def _row(name: str, series: Series, base: Series) -> list[str]:
    database = series.per_call("cpu") - series.per_call("program") if series.database else 0.0
    return [
        NAMES[name],
        number(series.rate()),
        number(1000 * series.per_call("wall")),
        number(1000 * series.per_call("cpu")) if series.program else "",
        number(1000 * database) if series.database else "",
        number(times_as_fast(series, base, "wall")),
        number(times_as_fast(series, base, "cpu")) if series.program else "",
    ]


def chart(database: str, facts: dict[str, Any]) -> Chart:
    """How many charges a second of CPU is worth; pgbench's CPU cannot be seen."""
    found = {name: one for name, one in read(facts).items() if one.program}
    bars = [
        Bar(SHORT[name], found[name].rate("cpu"), number(found[name].rate("cpu")), name in OURS)
        for name in NAMES
        if name in found
    ]
    return Chart("Charges per second of CPU", f"{database}, program and database together", bars)
