"""The one place that moves a wallet: lock it, settle what fell due, draw on grants, post an entry."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Min
from django.utils import timezone

from accounts import closing, events, sql
from accounts.chain import link
from accounts.errors import UserNotFound
from accounts.events import Fact
from accounts.models import ClientApp, User
from credits import notices, queries
from credits.models import (
    BURN_RANK,
    DEFAULT_PRIORITY,
    Allocation,
    Entry,
    EntryType,
    Grant,
    Hold,
    HoldAllocation,
    Source,
    Wallet,
    new_entry_id,
)

ENTRY_COLUMNS = sql.columns_of(Entry)
entry_row = attrgetter(*ENTRY_COLUMNS)
# A grant's key and credits of it.
Draw = tuple[int, int]


def lock(user: User, app: ClientApp | None = None) -> Wallet:
    """The person's wallet, locked until the transaction ends, opened on first touch, with nothing overdue in it.

    With what it can spend as of now; `app` is who is about to, so that its daily cap comes along. Raises UserNotFound
    when they closed their account after the caller found them."""
    wallet = lock_all([user], app)[user.pk]
    if wallet.closed_at is not None:
        raise UserNotFound("There is no user with this user_id.")
    return wallet


def lock_all(users: Sequence[User], app: ClientApp | None = None) -> dict[int, Wallet]:
    """The wallets of `users` by key, each as `lock` returns it, in one statement and in the order of the keys.

    Closed ones are among them, with nothing to spend."""
    by_key = {user.pk: user for user in users}
    keys = sorted(by_key)
    rows, grants = sql.read(queries.lock_wallets(keys, app.pk if app else None), queries.spendable(keys))
    wallets = {row[0]: _loaded(row, by_key[row[0]]) for row in rows}
    if len(wallets) < len(keys):
        for key in keys:
            if key not in wallets:
                _open(by_key[key])
        return lock_all(users, app)
    settled = [settle(wallet) for wallet in wallets.values()]
    if any(settled):
        (grants,) = sql.read(queries.spendable(keys))
    for wallet_id, grant_id, free in grants:
        wallets[wallet_id].spendable.append((grant_id, free))
    return wallets


def _loaded(row: sql.Row, user: User) -> Wallet:
    wallet = sql.loaded(Wallet, dict(zip(queries.WALLET_COLUMNS, row[:-1], strict=True)), user=user)
    if wallet.next_due_at is not None:
        # SQLite keeps no time zone with a time.
        wallet.next_due_at = wallet.next_due_at.replace(tzinfo=UTC)
    wallet.spendable, wallet.daily_cap = deque(), row[-1]
    return wallet


def _open(user: User) -> None:
    """Make the person's wallet with the sign-up grants, unless a racing opener has just done so.

    Whoever closed an account with this address had theirs: the wallet of their next one starts empty."""
    try:
        with transaction.atomic():
            wallet = Wallet.objects.create(user=user)
    except IntegrityError:
        return
    if closing.had_credits(user.email):
        return
    receive(wallet, settings.SIGNUP_BASE_CREDITS, Source.BASE, description="Sign-up credits")
    receive(wallet, settings.SIGNUP_BONUS_CREDITS, Source.BONUS, description="Sign-up bonus")


def receive(
    wallet: Wallet,
    amount: int,
    source: Source,
    *,
    description: str,
    app: ClientApp | None = None,
    expires_at: datetime | None = None,
    priority: int = DEFAULT_PRIORITY,
    related: Entry | None = None,
) -> Entry:
    """A new grant of `amount` credits and the entry that says so."""
    grant = Grant.objects.create(
        wallet=wallet,
        source=source,
        rank=BURN_RANK[source],
        priority=priority,
        amount=amount,
        remaining=0,
        expires_at=expires_at,
    )
    due_at_latest(wallet, expires_at)
    kind = EntryType(source)
    return post(wallet, kind, amount, [(grant.pk, amount)], app=app, description=description, related=related)


def due_at_latest(wallet: Wallet, at: datetime | None) -> None:
    """Have the wallet settled at `at` or before. Saved by whoever saves the wallet next."""
    if at is not None and (wallet.next_due_at is None or at < wallet.next_due_at):
        wallet.next_due_at = at


def draw(wallet: Wallet, amount: int) -> list[Draw]:
    """Take `amount` credits from what the locked wallet can spend, in burn order; the caller has seen that it can pay.

    As of the moment it was settled: a grant that expires in between is still in the balance."""
    draws: list[Draw] = []
    while wallet.spendable:
        grant, free = wallet.spendable.popleft()
        part = min(amount, free)
        draws.append((grant, part))
        amount -= part
        if part < free:
            wallet.spendable.appendleft((grant, free - part))
        if amount == 0:
            return draws
    raise RuntimeError(f"The grants of wallet {wallet.pk} do not add up to its balance.")


@dataclass(frozen=True, slots=True)
class Posting:
    """An entry that its wallet, in memory, already stands at: with the grants it moves and the facts it leaves."""

    wallet: Wallet
    entry: Entry
    draws: Sequence[Draw]
    facts: Sequence[Fact]


def post(wallet: Wallet, kind: EntryType, amount: int, draws: Sequence[Draw], **about: Any) -> Entry:
    """Append one entry of `amount` signed credits with the grants it moves, and bring wallet and grants up to it.

    `about` is what `compose` takes."""
    posting = compose(wallet, kind, amount, draws, **about)
    write([posting])
    return posting.entry


def compose(
    wallet: Wallet,
    kind: EntryType,
    amount: int,
    draws: Sequence[Draw],
    *,
    app: ClientApp | None = None,
    description: str = "",
    project_code: str = "",
    related: Entry | None = None,
    hold: Hold | None = None,
) -> Posting:
    """The next entry of a locked wallet. Nothing is written before `write`."""
    wallet.balance += amount
    wallet.version += 1
    said: dict[str, Any] = {
        "id": new_entry_id(),
        "wallet_id": wallet.user_id,
        "version": wallet.version,
        "app_id": app.pk if app else None,
        "transaction_type": str(kind),
        "amount": amount,
        "balance_after": wallet.balance,
        "description": description,
        "project_code": project_code,
        "related_id": related.pk if related else None,
        "hold_id": hold.pk if hold else None,
        "created_at": timezone.now(),
        "hash": "",
    }
    entry = sql.loaded(Entry, said, wallet=wallet, app=app, related=related, hold=hold)
    wallet.head_hash = entry.hash = chain(wallet.head_hash, entry)
    changed = Fact(wallet.user_id, "credits.changed", _fact(wallet, entry))
    return Posting(wallet, entry, draws, [changed, *notices.if_low(wallet, before=wallet.balance - amount)])


def write(
    postings: Sequence[Posting],
    *,
    first: Sequence[sql.Statement] = (),
    facts: Sequence[Fact] = (),
    last: bool = False,
) -> None:
    """Write composed entries, and bring their grants and wallets up to them, in five statements whatever their number;
    one more queues the mails to those whose credits run low.

    `first` are statements that go before them, `facts` go behind their own."""
    allocations: list[tuple[str, int, int]] = []
    moved: Counter[int] = Counter()
    noted: list[Fact] = []
    for posting in postings:
        sign = 1 if posting.entry.amount > 0 else -1
        for grant, part in posting.draws:
            allocations.append((posting.entry.id, grant, sign * part))
            moved[grant] += sign * part
        noted += posting.facts
    sql.write(
        *first,
        *sql.insert(Entry, ENTRY_COLUMNS, [entry_row(posting.entry) for posting in postings]),
        *sql.insert(Allocation, ("entry_id", "grant_id", "amount"), allocations),
        *queries.move_grants(moved),
        queries.save_wallets({posting.wallet.user_id: posting.wallet for posting in postings}.values()),
        *events.recording([*noted, *facts]),
        *notices.mailing(noted),
        last=last,
    )


def chain(previous: str, entry: Entry) -> str:
    """The hash of `entry` behind the one of `previous`: editing any entry breaks the chain.

    Of the description it takes the digest, so that the words can be erased when their owner leaves."""
    return link(
        previous,
        entry.id,
        str(entry.wallet_id),
        str(entry.version),
        entry.app_name,
        str(entry.transaction_type),
        str(entry.amount),
        str(entry.balance_after),
        entry.description_digest,
        entry.project_code,
        entry.related_id or "",
        entry.hold_id or "",
        entry.created_at.isoformat(),
    )


def _fact(wallet: Wallet, entry: Entry) -> dict[str, object]:
    return {
        "transaction_id": entry.id,
        "transaction_type": str(entry.transaction_type),
        "app_name": entry.app_name,
        "amount": entry.amount,
        "credits": wallet.available,
        "credits_balance": wallet.balance,
        "credits_held": wallet.held,
    }


def settle(wallet: Wallet) -> bool:
    """Release holds and expire grants whose time has come, so that what follows sees the truth of this second.

    Says whether there was anything to do."""
    if wallet.next_due_at is None or wallet.next_due_at > (now := timezone.now()):
        return False
    for hold in wallet.holds.filter(status=Hold.Status.ACTIVE, expires_at__lte=now).order_by("expires_at", "id"):
        let_go(wallet, hold, Hold.Status.EXPIRED)
    expire_grants(wallet, now)
    wallet.next_due_at = _next_due(wallet, now)
    sql.write(queries.save_wallets([wallet]))
    return True


def expire_grants(wallet: Wallet, now: datetime) -> None:
    """Write off what is left, and not on hold, of every grant that has expired."""
    for grant in wallet.grants.filter(expires_at__lte=now, remaining__gt=F("held")).order_by("expires_at", "id"):
        lost = grant.remaining - grant.held
        post(wallet, EntryType.EXPIRED, -lost, [(grant.pk, lost)], description=f"{grant.get_source_display()} expired")


class Part(NamedTuple):
    """What a hold still holds of one grant."""

    id: int
    grant: int
    amount: int
    expires_at: datetime | None


def parts_of(hold: Hold) -> list[Part]:
    """What the hold still holds, in the order it was set aside."""
    kept = HoldAllocation.objects.filter(hold=hold, amount__gt=0).order_by("id")
    return [Part(*row) for row in kept.values_list("id", "grant_id", "amount", "grant__expires_at")]


def lessen(parts: Sequence[Part]) -> list[sql.Statement]:
    """The statements that take `parts` off their hold and off what is on hold of their grants."""
    return [
        *queries.move_parts({part.id: -part.amount for part in parts}),
        *queries.hold_grants({part.grant: -part.amount for part in parts}),
    ]


def let_go(wallet: Wallet, hold: Hold, status: Hold.Status) -> None:
    """Give a hold's remaining credits back to the grants they were set aside from, and close it as `status`."""
    parts = parts_of(hold)
    fact = close(wallet, hold, parts, status)
    sql.write(
        *lessen(parts),
        queries.save_hold(hold),
        queries.save_wallets([wallet]),
        *events.recording([fact]),
    )


def close(wallet: Wallet, hold: Hold, parts: Sequence[Part], status: Hold.Status) -> Fact:
    """Settle the hold as `status`, the remaining `parts` being given back; the fact to record. Nothing is written."""
    wallet.held -= sum(part.amount for part in parts)
    hold.status, hold.settled_at = status, timezone.now()
    for part in parts:
        # A grant may have expired while it was held: then it falls due this moment.
        due_at_latest(wallet, part.expires_at)
    data = {"hold_id": hold.id, "status": str(status), "captured": hold.captured, "credits": wallet.available}
    return Fact(wallet.pk, "hold.settled", data)


def _next_due(wallet: Wallet, now: datetime) -> datetime | None:
    hold = wallet.holds.active(now).aggregate(at=Min("expires_at"))["at"]
    grant = wallet.grants.spendable(now).aggregate(at=Min("expires_at"))["at"]
    return min((at for at in (hold, grant) if at is not None), default=None)
