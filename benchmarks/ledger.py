"""Charges by every way there is, side by side: bare SQL, django-hordak, no write at all, our service, our endpoints."""

from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any

from django.apps import apps
from django.db import connection

from accounts.models import ClientApp, User
from benchmarks import people, raw_sql
from benchmarks.clients import Caller, Clients, Task
from benchmarks.cpu import DatabaseCpu
from benchmarks.race import Candidate, Pace, race
from benchmarks.server import Server, serving
from credits import services

CLIENTS = 8
BATCH, CROWD = 1_000, 50
TURN_SECONDS = 0.6


def measure(quick: bool) -> dict[str, Any]:
    """Every candidate's series on the database of the environment."""
    rounds = 4 if quick else 12
    with serving() as server:
        candidates = [*_in_this_process(), *_over_http(server)]
        series = race(candidates, Pace(rounds, TURN_SECONDS), DatabaseCpu())
    return {"clients": CLIENTS, "rounds": rounds, "series": [one.facts() for one in series]}


def _in_this_process() -> list[Candidate]:
    """One thread, one connection, one wallet; then pgbench with many."""
    wallets = [people.rich(f"raw-{number}").pk for number in range(raw_sql.PGBENCH_CLIENTS)]
    variables = {"wallet": wallets[0], "app": people.app().pk}
    ways = {"raw_five": raw_sql.five_statements()}
    if connection.vendor == "postgresql":
        ways["raw_one"] = raw_sql.one_statement()
    candidates = [Candidate(name, raw_sql.runner(statements, variables)) for name, statements in ways.items()]
    for name, statements in ways.items():
        at_once = raw_sql.pgbench(statements, wallets[0], variables["app"])
        if at_once is not None:
            candidates.append(
                # Its connections end with it, so the database's share of the CPU cannot be read any more.
                Candidate(f"{name}_pgbench", at_once, cpu=None, step=raw_sql.PGBENCH_CLIENTS)
            )
    if apps.is_installed("hordak"):
        candidates.append(Candidate("hordak", _hordak()))
    crowd = [people.rich(f"in-crowd-{number}") for number in range(CROWD)]
    return [
        *candidates,
        Candidate("service", charges(people.rich("service"), people.app())),
        Candidate("service_batch", batches(crowd, people.app()), step=BATCH),
    ]


def _hordak() -> Callable[[int], None]:
    from benchmarks import hordak

    return hordak.transfers()


def charges(user: User, app: ClientApp) -> Callable[[int], None]:
    """Our service: one credit after the other."""

    def run(calls: int) -> None:
        for _ in range(calls):
            services.charge(user=user, app=app, amount=1, description="A page")

    return run


def batches(users: Sequence[User], app: ClientApp) -> Callable[[int], None]:
    """Our service: a thousand at a time, of everybody in turn."""

    def order(number: int) -> services.Order:
        user = users[number % len(users)]
        return services.Order(f"{next(_numbers)}", 64 * "0", user, amount=1, description="A page")

    def run(calls: int) -> None:
        for _ in range(calls // BATCH):
            services.charge_batch(app=app, orders=[order(number) for number in range(BATCH)])

    return run


def _over_http(server: Server) -> list[Candidate]:
    """Clients with a connection and a wallet each, the same for every endpoint."""
    user_ids = [people.rich(f"client-{number}").user_id for number in range(CLIENTS)]
    key = people.key()
    clients = Clients(server.port, key, user_ids)
    tasks: dict[str, tuple[Task, int]] = {
        "no_write": (_no_write, 1),
        "charge": (_charge, 1),
        "charge_keyed": (_charge_keyed, 1),
        "hold_capture": (_hold_and_capture, 2),
    }
    single = [_candidate(name, clients, server, task, calls) for name, (task, calls) in tasks.items()]
    return [*single, _batch(server, key)]


def _batch(server: Server, key: str) -> Candidate:
    """Two clients, each with people of its own to charge in turn."""
    crowds = {f"crowd-{crowd}": [f"one-of-{crowd}-{number}" for number in range(CROWD)] for crowd in range(2)}
    for user_id in chain.from_iterable(crowds.values()):
        people.rich(user_id)

    def batch(app: Caller, crowd: str) -> None:
        charges = [_body(crowds[crowd][number % CROWD]) | {"key": f"{next(_numbers)}"} for number in range(BATCH)]
        results = app.post("deduct-credits/batch", {"charges": charges, "atomic": False})["results"]
        refused = [result for result in results if result["status"] != 200]
        if refused or len(results) != BATCH:
            raise RuntimeError(f"Of {BATCH} charges {len(results)} were answered; refused: {refused[:3]}")

    return _candidate("batch", Clients(server.port, key, list(crowds)), server, batch, BATCH)


def _candidate(name: str, clients: Clients, server: Server, task: Task, calls_each: int) -> Candidate:
    def run(calls: int) -> None:
        clients.work(task, calls // calls_each)

    return Candidate(name, run, server.cpu, step=calls_each * len(clients))


_numbers = count()


def _body(user_id: str) -> dict[str, Any]:
    return {"user_id": user_id, "app_name": people.APP, "amount": 1, "description": "A page"}


def _no_write(app: Caller, user_id: str) -> None:
    app.post("no-write", _body(user_id))


def _charge(app: Caller, user_id: str) -> None:
    app.post("deduct-credits", _body(user_id))


def _charge_keyed(app: Caller, user_id: str) -> None:
    app.post("deduct-credits", _body(user_id), key=f"{user_id}-{next(_numbers)}")


def _hold_and_capture(app: Caller, user_id: str) -> None:
    hold = app.post("holds", _body(user_id))["hold_id"]
    app.post(f"hold/{hold}/capture", {"user_id": user_id})
