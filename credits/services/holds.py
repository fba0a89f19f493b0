"""Credits set aside for work under way. The first terminal settlement wins."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import events
from accounts.errors import AppMismatch, DomainError, InvalidField, NotFound
from accounts.models import ClientApp, User
from credits import ledger, pricing
from credits.models import Entry, EntryType, Grant, Hold, HoldAllocation, Wallet
from credits.services.charges import require
from credits.services.wallets import wallet_of

DEFAULT_TTL_SECONDS = 900
MAX_TTL_SECONDS = 86_400


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
    wallet = ledger.lock(user)
    require(wallet, app, credits)
    made = Hold.objects.create(
        wallet=wallet,
        app=app,
        amount=credits,
        storage_bytes=storage_bytes,
        description=description,
        expires_at=timezone.now() + timedelta(seconds=ttl_seconds),
    )
    for grant, part in ledger.draw(wallet, credits):
        HoldAllocation.objects.create(hold=made, grant=grant, amount=part)
        Grant.objects.filter(pk=grant.pk).update(held=F("held") + part)
    wallet.held += credits
    ledger.due_at_latest(wallet, made.expires_at)
    ledger.save(wallet)
    _announce(wallet, made, "hold.created")
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
        return held, _same_capture(held, amount)
    left = held.amount - held.captured
    credits = left if amount is None else amount
    if credits > left:
        raise InvalidField("amount", f"{left} credits are left of this hold.", "too_large")
    draws = _take(held, credits)
    wallet.held -= credits
    held.captured += credits
    held.save(update_fields=["captured"])
    entry = ledger.post(
        wallet,
        EntryType.USED,
        -credits,
        draws,
        app=app,
        description=description or held.description,
        project_code=project_code,
        hold=held,
    )
    if final or held.captured == held.amount:
        ledger.let_go(wallet, held, Hold.Status.CAPTURED)
        ledger.settle(wallet)
    return held, entry


def _take(held: Hold, credits: int) -> list[ledger.Draw]:
    """Take `credits` of what the hold set aside out of its grants, in the order they were set aside."""
    draws: list[ledger.Draw] = []
    for part in held.allocations.select_related("grant").filter(amount__gt=0).order_by("id"):
        take = min(credits, part.amount)
        if take == 0:
            break
        HoldAllocation.objects.filter(pk=part.pk).update(amount=F("amount") - take)
        Grant.objects.filter(pk=part.grant_id).update(held=F("held") - take, remaining=F("remaining") - take)
        draws.append((part.grant, take))
        credits -= take
    return draws


def _same_capture(held: Hold, amount: int | None) -> Entry | None:
    """The receipt of an earlier capture when this repeat agrees with it."""
    receipt = held.entries.order_by("-version").first()
    # Without an amount everything that was left is meant, which agrees only if nothing was let go.
    whole = amount is None and held.captured == held.amount
    if held.status == Hold.Status.CAPTURED and receipt and (whole or amount == -receipt.amount):
        return receipt
    raise _ended(held)


@transaction.atomic
def release(*, user: User, app: ClientApp, hold_id: str) -> Hold:
    """Let the hold's remaining credits go. Repeating it is harmless. Raises HoldSettled, HoldExpired, NotFound."""
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
    """Keep the hold for `ttl_seconds` from now. Raises HoldSettled, HoldExpired, NotFound."""
    wallet = ledger.lock(user)
    held = _own_hold(wallet, app, hold_id)
    if held.status != Hold.Status.ACTIVE:
        raise _ended(held)
    held.expires_at = timezone.now() + timedelta(seconds=ttl_seconds)
    held.save(update_fields=["expires_at"])
    ledger.due_at_latest(wallet, held.expires_at)
    ledger.save(wallet)
    return held


def _own_hold(wallet: Wallet, app: ClientApp, hold_id: str) -> Hold:
    held = wallet.holds.filter(pk=hold_id).first()
    if held is None:
        raise NotFound("There is no such hold.")
    if held.app_id != app.pk:
        raise AppMismatch("Only the app that made a hold can settle it.")
    return held


def _ended(held: Hold) -> DomainError:
    if held.status == Hold.Status.EXPIRED:
        return HoldExpired("This hold has expired; nothing was charged by this call.", hold_status=held.status)
    return HoldSettled(f"This hold was already {held.status}.", hold_status=held.status, captured=held.captured)


def _announce(wallet: Wallet, held: Hold, kind: str) -> None:
    data = {"hold_id": held.id, "amount": held.amount, "app_name": held.app.slug, "credits": wallet.available}
    events.record(user=wallet.user, type=kind, data=data)


def hold_of(*, user: User, hold_id: str) -> Hold:
    """The person's hold as it is this second: past its time it reads as expired. Raises NotFound."""
    wallet = wallet_of(user=user)
    held = wallet.holds.select_related("app").filter(pk=hold_id).first()
    if held is None:
        raise NotFound("There is no such hold.")
    return held
