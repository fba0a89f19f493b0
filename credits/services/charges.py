"""Credits going out for work done, and coming back when it was not."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.errors import AppMismatch, DomainError, InvalidField, NotFound
from accounts.models import ClientApp, User
from credits import ledger, pricing
from credits.models import Entry, EntryType, Grant, Hold, Wallet

# A refund to a grant that has expired revives it for this long.
REVIVED_FOR = timedelta(days=30)


class InsufficientCredits(DomainError):
    """The wallet cannot pay. Nothing was written."""

    code = "insufficient_credits"
    status = 402
    title = "Insufficient credits"

    def __init__(self, *, required: int, available: int) -> None:
        super().__init__(
            f"This needs {required} credits and {available} are available.",
            required=required,
            credits=available,
            shortfall=required - available,
            top_up_url=f"{settings.PUBLIC_URL}/credits/",
        )


class SpendingCapReached(DomainError):
    """The person limited what this app may spend in a day."""

    code = "spending_cap_reached"
    status = 429
    title = "Spending cap reached"


class RefundTooLarge(DomainError):
    """More was asked back than is left of the charge."""

    code = "refund_too_large"
    status = 409
    title = "Refund too large"


@transaction.atomic
def charge(
    *,
    user: User,
    app: ClientApp,
    amount: int | None = None,
    operation: str | None = None,
    quantity: int | None = None,
    description: str = "",
    project_code: str = "",
) -> Entry:
    """Take credits for work done: `amount` of them, or `operation` × `quantity` by the price book.

    Raises InsufficientCredits, SpendingCapReached past the person's daily cap for `app`, and InvalidField for an
    operation the price book does not know; then nothing is written."""
    credits = pricing.cost(app=app, amount=amount, operation=operation, quantity=quantity)
    wallet = ledger.lock(user, app)
    count_spent([wallet], app)
    posting = take(wallet, app, credits, description=description, project_code=project_code)
    ledger.write([posting], last=True)
    return posting.entry


def take(wallet: Wallet, app: ClientApp, credits: int, **about: Any) -> ledger.Posting:
    """Compose the charge of `credits` to a wallet locked for `app`. Raises what `require` raises."""
    require(wallet, app, credits)
    posting = ledger.compose(wallet, EntryType.USED, -credits, ledger.draw(wallet, credits), app=app, **about)
    if wallet.daily_cap is not None:
        wallet.used_today += credits
    return posting


def receipt(entry: Entry) -> dict[str, Any]:
    """What a charge answers: its id, the credits taken, and its wallet as it stands."""
    wallet = entry.wallet
    return {
        "transaction_id": entry.id,
        "amount": -entry.amount,
        "credits": wallet.available,
        "credits_balance": wallet.balance,
        "credits_held": wallet.held,
    }


def require(wallet: Wallet, app: ClientApp, credits: int) -> None:
    """Refuse when the wallet, locked for `app`, cannot spare `credits`, or `app` may not spend them today.

    What `app` spent must have been counted."""
    cap = wallet.daily_cap
    if cap is not None:
        # What was refunded of yesterday's charges lets nobody spend more today.
        spent = max(0, wallet.used_today) + wallet.held_by_app
        if spent + credits > cap:
            raise SpendingCapReached(
                f"This user lets {app.name} spend {cap} credits a day; {spent} are spent or on hold.",
                headers={"Retry-After": str(_seconds_to_midnight())},
                daily_cap=cap,
                spent_today=spent,
                required=credits,
            )
    if wallet.available < credits:
        raise InsufficientCredits(required=credits, available=wallet.available)


def count_spent(wallets: Iterable[Wallet], app: ClientApp) -> None:
    """Where a cap stands: the credits `app` used since midnight UTC, less refunds, and those it holds now."""
    capped = {wallet.pk: wallet for wallet in wallets if wallet.daily_cap is not None}
    if not capped:
        return
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    kinds = (EntryType.USED, EntryType.REFUND)
    today = {"created_at__gte": midnight, "created_at__lt": midnight + timedelta(days=1)}
    entries = Entry.objects.filter(wallet__in=capped, app=app, transaction_type__in=kinds, **today)
    holds = Hold.objects.filter(wallet__in=capped, app=app, status=Hold.Status.ACTIVE)
    used = dict(entries.order_by().values_list("wallet").annotate(total=Sum("amount")))
    held = dict(holds.order_by().values_list("wallet").annotate(total=Sum(F("amount") - F("captured"))))
    for key, wallet in capped.items():
        wallet.used_today, wallet.held_by_app = -used.get(key, 0), held.get(key, 0)


def _seconds_to_midnight() -> int:
    now = timezone.now()
    return 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)


@transaction.atomic
def refund(*, user: User, app: ClientApp, entry_id: str, amount: int | None = None, reason: str) -> Entry:
    """Give back `amount` credits of one of `app`'s charges (all that is left of it by default), to the grants that
    paid. Raises NotFound, AppMismatch for another app's charge, RefundTooLarge past what was charged."""
    wallet = ledger.lock(user)
    original = wallet.entries.select_related("app").filter(pk=entry_id).first()
    if original is None:
        raise NotFound("There is no such transaction.")
    if original.app_id != app.pk:
        raise AppMismatch("Only the app that charged can refund.")
    if original.transaction_type != EntryType.USED:
        raise InvalidField("transaction_id", "Only a charge can be refunded.")
    # Staff may have taken more as a correction of this charge; only what came back lessens what can be refunded.
    returned = original.corrections.filter(amount__gt=0).aggregate(total=Sum("amount"))["total"] or 0
    left = max(0, -original.amount - returned)
    credits = left if amount is None else amount
    if credits > left or left == 0:
        raise RefundTooLarge(f"{left} of this charge can still be refunded.", refundable=left, charged=-original.amount)
    parts = _give_back(original, credits)
    for grant, _ in parts:
        _revive(grant)
        ledger.due_at_latest(wallet, grant.expires_at)
    return ledger.post(
        wallet,
        EntryType.REFUND,
        credits,
        [(grant.pk, part) for grant, part in parts],
        app=app,
        description=reason,
        project_code=original.project_code,
        related=original,
    )


def _give_back(original: Entry, credits: int) -> list[tuple[Grant, int]]:
    """Which grants take `credits` back: those that paid `original`, last drawn first, less what went back before."""
    parts: list[tuple[Grant, int]] = []
    for allocation in original.allocations.select_related("grant").order_by("-id"):
        refunds = {"entry__related": original, "entry__transaction_type": EntryType.REFUND}
        back = allocation.grant.allocations.filter(**refunds).aggregate(total=Sum("amount"))["total"] or 0
        part = min(credits, -allocation.amount - back)
        if part > 0:
            parts.append((allocation.grant, part))
            credits -= part
    return parts


def _revive(grant: Grant) -> None:
    """Let a grant that has expired be spent again for a while; the credits themselves come with the entry."""
    if grant.expires_at is not None and grant.expires_at <= timezone.now():
        grant.expires_at = timezone.now() + REVIVED_FOR
        grant.save(update_fields=["expires_at"])
