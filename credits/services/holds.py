"""Credits set aside for work under way. The first terminal settlement wins."""

from datetime import timedelta
from operator import attrgetter

from django.db import transaction
from django.utils import timezone

from accounts import events, sql
from accounts.errors import AppMismatch, DomainError, InvalidField, NotFound
from accounts.events import Fact
from accounts.models import ClientApp, User
from credits import ledger, pricing, queries
from credits.models import Entry, EntryType, Hold, HoldAllocation, Wallet
from credits.services.charges import count_spent, require
from credits.services.wallets import wallet_of

DEFAULT_TTL_SECONDS = 900
MAX_TTL_SECONDS = 86_400
HOLD_COLUMNS = sql.columns_of(Hold)


class HoldSettled(DomainError):
    """The hold already ended another way."""

    code = "hold_settled"
    status = 409
    title = "Hold settled"


class HoldExpired(DomainError):
    """The hold's time ran out; its credits are spendable again."""

    code = "hold_expired"
    status = 410
    title = "Hold expired"


@transaction.atomic
def hold(
    *,
    user: User,
    app: ClientApp,
    amount: int | None = None,
    operation: str | None = None,
    quantity: int | None = None,
    storage_bytes: int = 0,
    ttl_seconds: int = DEFAULT_TTL_SECONDS,
    description: str = "",
) -> Hold:
    """Set credits aside for `ttl_seconds`, at today's price. `storage_bytes` are noted for whoever owns the bytes.

    Raises what `charge` raises; then nothing is set aside."""
    credits = pricing.cost(app=app, amount=amount, operation=operation, quantity=quantity)
    wallet = ledger.lock(user, app)
    count_spent([wallet], app)
    require(wallet, app, credits)
    made = Hold(
        wallet=wallet,
        app=app,
        amount=credits,
        storage_bytes=storage_bytes,
        description=description,
        expires_at=timezone.now() + timedelta(seconds=ttl_seconds),
    )
    draws = ledger.draw(wallet, credits)
    wallet.held += credits
    ledger.due_at_latest(wallet, made.expires_at)
    sql.write(
        *sql.insert(Hold, HOLD_COLUMNS, [attrgetter(*HOLD_COLUMNS)(made)]),
        *sql.insert(HoldAllocation, ("hold_id", "grant_id", "amount"), [(made.id, *draw) for draw in draws]),
        *queries.hold_grants(dict(draws)),
        queries.save_wallets([wallet]),
        *events.recording([_created(wallet, made)]),
    )
    return made


@transaction.atomic
def capture(
    *,
    user: User,
    app: ClientApp,
    hold_id: str,
    amount: int | None = None,
    final: bool = True,
    description: str = "",
    project_code: str = "",
) -> tuple[Hold, Entry | None]:
    """Charge `amount` (all that is left by default) of the hold; `final` lets the rest go.

    An agreeing repeat of a final capture answers with the same receipt. Raises HoldSettled, HoldExpired, AppMismatch,
    NotFound, and InvalidField for more than is held."""
    wallet = ledger.lock(user)
    held = _own_hold(wallet, app, hold_id)
    if held.status != Hold.Status.ACTIVE:
        return held, _same_capture(held, amount, final)
    left = held.amount - held.captured
    credits = left if amount is None else amount
    if credits > left:
        raise InvalidField("amount", f"{left} credits are left of this hold.", "too_large")
    parts = ledger.parts_of(held)
    taken, kept = _split(parts, credits)
    wallet.held -= credits
    held.captured += credits
    posting = ledger.compose(
        wallet,
        EntryType.USED,
        -credits,
        [(part.grant, part.amount) for part in taken],
        app=app,
        description=description or held.description,
        project_code=project_code,
        hold=held,
    )
    facts = []
    if final or not kept:
        facts.append(ledger.close(wallet, held, kept, Hold.Status.CAPTURED))
        taken = parts
    ledger.write([posting], first=[*ledger.lessen(taken), queries.save_hold(held)], facts=facts)
    ledger.settle(wallet)
    return held, posting.entry


def _split(parts: list[ledger.Part], credits: int) -> tuple[list[ledger.Part], list[ledger.Part]]:
    """What of the `parts` pays `credits`, in the order they were set aside, and what is left of them."""
    taken, kept = [], []
    for part in parts:
        take = min(credits, part.amount)
        credits -= take
        taken += [part._replace(amount=take)] if take else []
        kept += [part._replace(amount=part.amount - take)] if take < part.amount else []
    return taken, kept


def _same_capture(held: Hold, amount: int | None, final: bool) -> Entry | None:
    """The receipt of an earlier capture when this repeat agrees with it."""
    receipt = held.entries.order_by("-version").first()
    # Without an amount everything that was left is meant, and without `final` that the hold goes on while something is
    # left: either agrees only if nothing was let go.
    whole = held.captured == held.amount
    agrees = receipt is not None and (amount == -receipt.amount if amount else whole) and (final or whole)
    if held.status == Hold.Status.CAPTURED and agrees:
        return receipt
    raise _ended(held)


@transaction.atomic
def release(*, user: User, app: ClientApp | None, hold_id: str) -> Hold:
    """Let the hold's remaining credits go; `app` is None when staff do. Repeating it is harmless.

    Raises HoldSettled, HoldExpired, AppMismatch, NotFound."""
    wallet = ledger.lock(user)
    held = _own_hold(wallet, app, hold_id)
    if held.status == Hold.Status.RELEASED:
        return held
    if held.status != Hold.Status.ACTIVE:
        raise _ended(held)
    ledger.let_go(wallet, held, Hold.Status.RELEASED)
    ledger.settle(wallet)
    return held


@transaction.atomic
def extend(*, user: User, app: ClientApp, hold_id: str, ttl_seconds: int) -> Hold:
    """Keep the hold for at least `ttl_seconds` from now; a late repeat never shortens it.

    Raises HoldSettled, HoldExpired, AppMismatch, NotFound."""
    wallet = ledger.lock(user)
    held = _own_hold(wallet, app, hold_id)
    if held.status != Hold.Status.ACTIVE:
        raise _ended(held)
    held.expires_at = max(held.expires_at, timezone.now() + timedelta(seconds=ttl_seconds))
    held.save(update_fields=["expires_at"])
    ledger.due_at_latest(wallet, held.expires_at)
    sql.write(queries.save_wallets([wallet]))
    return held


def _own_hold(wallet: Wallet, app: ClientApp | None, hold_id: str) -> Hold:
    held = wallet.holds.select_related("app").filter(pk=hold_id).first()
    if held is None:
        raise NotFound("There is no such hold.")
    if app is not None and held.app_id != app.pk:
        raise AppMismatch("Only the app that made a hold can settle it.")
    return held


def _ended(held: Hold) -> DomainError:
    if held.status == Hold.Status.EXPIRED:
        return HoldExpired("This hold has expired; nothing was charged by this call.", hold_status=held.status)
    return HoldSettled(f"This hold was already {held.status}.", hold_status=held.status, captured=held.captured)


def _created(wallet: Wallet, held: Hold) -> Fact:
    data = {"hold_id": held.id, "amount": held.amount, "app_name": held.app.slug, "credits": wallet.available}
    return Fact(wallet.pk, "hold.created", data)


def hold_of(*, user: User, hold_id: str) -> Hold:
    """The person's hold as it is this second: past its time it reads as expired. Raises NotFound."""
    wallet = wallet_of(user=user)
    held = wallet.holds.select_related("app").filter(pk=hold_id).first()
    if held is None:
        raise NotFound("There is no such hold.")
    return held
