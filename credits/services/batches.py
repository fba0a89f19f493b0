"""Many charges in one call: all or none, or each for itself, and each at most once for its key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import sql
from accounts.errors import DomainError, IdempotencyKeyReused, InvalidField, UserNotFound
from accounts.models import ClientApp, User
from credits import ledger, pricing
from credits.models import KEY_TAKEN, ChargeKey
from credits.services.charges import InsufficientCredits, count_spent, receipt, take

MAX_CHARGES = 1_000
# So many of the charges that keep a batch from being done are named.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Order:
    """One charge of a batch: as for `charge`, with its key and a digest of what was asked under it.

    In place of the person may stand why the app cannot act for them."""

    key: str
    fingerprint: str
    user: User | DomainError
    amount: int | None = None
    operation: str | None = None
    quantity: int | None = None
    description: str = ""
    project_code: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an order was answered: an HTTP status with the charge's receipt, or with the code and facts of `error`.

    `replayed`: its key had been answered before, like this."""

    key: str
    status: int
    answer: Mapping[str, Any]
    replayed: bool = False
    error: DomainError | None = None


class Kept(NamedTuple):
    """What a key was answered, as ChargeKey keeps it."""

    key: str
    fingerprint: str
    status: int
    answer: Mapping[str, Any]


def charge_batch(*, app: ClientApp, orders: Sequence[Order], atomic: bool = False) -> list[Outcome]:
    """Charge every order in turn, in a number of statements that does not grow with them; one outcome for each.

    A key is answered once per app, for ever: a repeat gets the first receipt or InsufficientCredits again, and with
    another fingerprint it is refused as IdempotencyKeyReused. No other refusal is kept. With `atomic` the first refusal
    is raised, `refused` naming it and others, and nothing is written. Wallets that must be opened or settled on the way
    take statements of their own."""
    while True:
        try:
            return _charge_all(app, orders, atomic)
        except IntegrityError as error:
            # Another call took one of the keys after we had looked; the next look finds its answer.
            if KEY_TAKEN not in str(error):
                raise


@transaction.atomic
def _charge_all(app: ClientApp, orders: Sequence[Order], atomic: bool) -> list[Outcome]:
    batch = _Batch(app, orders)
    outcomes = [batch.answer(order) for order in orders]
    if atomic:
        _refuse_all_if_any(outcomes)
    batch.write()
    return outcomes


def _refuse_all_if_any(outcomes: Sequence[Outcome]) -> None:
    refused = [(index, outcome) for index, outcome in enumerate(outcomes) if outcome.error]
    if not refused:
        return
    index, first = refused[0]
    error = first.error
    assert error is not None
    if isinstance(error, InvalidField):
        error = error.inside(f"charges.{index}")
    error.facts |= {"refused": [_named(*one) for one in refused[:NAMED]], "refused_count": len(refused)}
    raise error


def _refusal(order: Order, error: DomainError) -> Outcome:
    said = {"code": error.code, "detail": error.detail, **error.facts}
    return Outcome(order.key, error.status, said, error=error)


def _repeat(known: Kept) -> Outcome:
    said = known.answer
    # No other refusal is kept.
    short = known.status == InsufficientCredits.status
    error = InsufficientCredits(required=said["required"], available=said["credits"]) if short else None
    return Outcome(known.key, known.status, said, replayed=True, error=error)


def _named(index: int, outcome: Outcome) -> dict[str, Any]:
    said = {name: outcome.answer[name] for name in ("code", "detail")}
    return {"index": index, "key": outcome.key, "status": outcome.status, **said}


class _Batch:
    """The locked wallets of a batch, and what is to be written for it."""

    def __init__(self, app: ClientApp, orders: Sequence[Order]) -> None:
        self.app = app
        users = {order.user.pk: order.user for order in orders if isinstance(order.user, User)}
        self.wallets = ledger.lock_all(list(users.values()), app) if users else {}
        count_spent(self.wallets.values(), app)
        # Only now: a call that held one of these wallets has ended, and its keys can be seen.
        known = ChargeKey.objects.filter(app=app, key__in=[order.key for order in orders])
        self.known = {row[0]: Kept(*row) for row in known.values_list(*Kept._fields)}
        self.prices = pricing.prices_of(app=app, operations={order.operation for order in orders if order.operation})
        self.postings: list[ledger.Posting] = []
        self.fresh: list[Kept] = []

    def answer(self, order: Order) -> Outcome:
        """The answer to this order or, of its key, the first one."""
        try:
            known = self._known(order)
            if known is not None:
                return _repeat(known)
            return self._keep(order, Outcome(order.key, 200, self._charge(order)))
        except InsufficientCredits as error:
            return self._keep(order, _refusal(order, error))
        except DomainError as error:
            return _refusal(order, error)

    def _known(self, order: Order) -> Kept | None:
        if isinstance(order.user, DomainError):
            raise order.user
        known = self.known.get(order.key)
        if known is not None and known.fingerprint != order.fingerprint:
            raise IdempotencyKeyReused("This key was used for another charge; a new charge takes a new key.")
        return known

    def _charge(self, order: Order) -> dict[str, Any]:
        assert isinstance(order.user, User)
        wallet = self.wallets[order.user.pk]
        if wallet.closed_at is not None:
            raise UserNotFound("There is no user with this user_id.")
        credits = pricing.cost_by(self.prices, amount=order.amount, operation=order.operation, quantity=order.quantity)
        posting = take(wallet, self.app, credits, description=order.description, project_code=order.project_code)
        self.postings.append(posting)
        return receipt(posting.entry)

    def _keep(self, order: Order, outcome: Outcome) -> Outcome:
        kept = Kept(order.key, order.fingerprint, outcome.status, outcome.answer)
        self.known[order.key] = kept
        self.fresh.append(kept)
        return outcome

    def write(self) -> None:
        """Write all of it. The keys go in order, so that two calls with the same ones wait and do not deadlock."""
        now = timezone.now()
        rows = [(*kept, self.app.pk, now) for kept in sorted(self.fresh, key=itemgetter(0))]
        keys = sql.insert(ChargeKey, (*Kept._fields, "app_id", "created_at"), rows)
        if self.postings:
            ledger.write(self.postings, first=keys, last=True)
        elif rows:
            sql.write(*keys, last=True)
