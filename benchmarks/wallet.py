"""Whether a charge takes longer the more a wallet has been through: ten entries against a million."""

from typing import Any

from accounts import services as accounts
from accounts.models import ClientApp, User
from benchmarks import history, people
from benchmarks.cpu import DatabaseCpu
from benchmarks.ledger import charges
from benchmarks.race import Candidate, Pace, race
from credits.models import MAX_AMOUNT

SHORT = 10


def measure(quick: bool) -> dict[str, Any]:
    """Our service on two wallets of one database, in many short turns."""
    long = 100_000 if quick else 1_000_000
    lengths = {"short": SHORT, "long": long}
    users = {name: people.rich(name) for name in lengths}
    for name, count in lengths.items():
        history.lengthen(users[name], count)
    history.settle_down()
    candidates = [Candidate(name, charges(user, people.app())) for name, user in users.items()]
    candidates += [Candidate(f"{name}_capped", charges(user, _capped(user))) for name, user in users.items()]
    series = race(candidates, Pace(15 if quick else 40, 0.15), DatabaseCpu())
    return {"entries": lengths, "series": [one.facts() for one in series]}


def _capped(user: User) -> ClientApp:
    """The other app, which may spend so much a day that it must be known what it has spent today, and no less."""
    app = people.app(people.OTHER_APP)
    accounts.connect(user=user, app=app)
    accounts.set_daily_cap(user=user, app=app, credits=MAX_AMOUNT)
    return app
