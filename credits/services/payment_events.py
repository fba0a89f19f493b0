"""What the payment provider's word does: credits come when a payment is made, and go when its money goes back."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import events
from accounts.errors import DomainError, InvalidField, NotFound
from credits import ledger
from credits.models import Entry, EntryType, PaymentEvent, Purchase, PurchaseQuerySet, Reversal, Source, Wallet

Status = Purchase.Status
OURS = "pur_"

logger = logging.getLogger(__name__)


class PaymentMismatch(DomainError):
    """What was paid is not what was to be paid. No credits came, and staff is to look at it."""

    code = "payment_mismatch"
    status = 409
    title = "Payment does not match"


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the provider: what it is about is `object`, as it stood `at` that moment."""

    id: str
    type: str
    at: datetime
    livemode: bool
    object: Mapping[str, Any]


def take_event(*, event: Mapping[str, Any]) -> bool:
    """Do what a proven event of the payment provider says, once per its id however often it is told; says whether it is
    an affair of ours. What is not leaves no trace.

    Raises PaymentMismatch, NotFound for a purchase that is not here, and UserNotFound for one whose buyer closed their
    account: then nothing has changed but that staff sees the refusal, and the event is heard when told again."""
    told = _told(event)
    try:
        return _take(told)
    except DomainError as refusal:
        logger.error("Payment event %s (%s) was refused: %s", told.id, told.type, refusal.detail)
        _note(told, refusal)
        raise


def _told(event: Mapping[str, Any]) -> Told:
    about = event.get("data")
    thing = about.get("object") if isinstance(about, Mapping) else None
    name, kind, created = event.get("id"), event.get("type"), event.get("created")
    if not (isinstance(name, str) and 0 < len(name) <= 255 and isinstance(kind, str) and 0 < len(kind) <= 100):
        raise InvalidField("id", "The event has no id or no type.")
    if not isinstance(thing, Mapping):
        raise InvalidField("data", "The event is about nothing.")
    at = datetime.fromtimestamp(created, UTC) if isinstance(created, int) and 0 < created < 2**35 else timezone.now()
    return Told(name, kind, at, event.get("livemode") is True, thing)


@transaction.atomic
def _take(told: Told) -> bool:
    act = ACTS.get(told.type)
    if act is None:
        return False
    new = {"type": told.type, "outcome": PaymentEvent.Outcome.REFUSED}
    record, _ = PaymentEvent.objects.select_for_update().get_or_create(pk=told.id, defaults=new)
    if record.outcome == PaymentEvent.Outcome.DONE:
        return True
    record.purchase = act(told)
    if record.purchase is None:
        record.delete()
        return False
    record.outcome, record.detail = PaymentEvent.Outcome.DONE, ""
    record.save(update_fields=["purchase", "outcome", "detail"])
    return True


def _note(told: Told, refusal: DomainError) -> None:
    refused = {"outcome": PaymentEvent.Outcome.REFUSED, "detail": refusal.detail[:500]}
    PaymentEvent.objects.get_or_create(pk=told.id, defaults={"type": told.type, **refused})
    # Only what is still refused: told twice at once, it may have been done meanwhile.
    PaymentEvent.objects.filter(pk=told.id, outcome=PaymentEvent.Outcome.REFUSED).update(detail=refusal.detail[:500])


def _session_done(told: Told) -> Purchase | None:
    """The payment page was finished: paid, or, by a slow means of payment, about to be."""
    purchase = _named(told)
    if purchase is None:
        return None
    if told.object.get("payment_status") == "unpaid":
        return _become(purchase, Status.PROCESSING)
    return _complete(purchase, told)


def _session_failed(told: Told) -> Purchase | None:
    purchase = _named(told)
    return purchase and _become(purchase, Status.FAILED)


def _session_expired(told: Told) -> Purchase | None:
    purchase = _named(told)
    return purchase and _become(purchase, Status.EXPIRED)


def _named(told: Told) -> Purchase | None:
    """The purchase that a session or charge names; None where it is no affair of ours, but another shop's that shares
    the account with the provider."""
    words = told.object.get("metadata")
    name = words.get("purchase_id") if isinstance(words, Mapping) else None
    name = name or told.object.get("client_reference_id")
    if not isinstance(name, str) or not name.startswith(OURS):
        return None
    found: Purchase | None = _known().filter(pk=name).first()
    if found is None:
        raise NotFound(f"There is no purchase {name[:40]}.")
    return found


def _known() -> PurchaseQuerySet:
    return Purchase.objects.select_related("wallet__user", "package", "entry")


def _become(purchase: Purchase, status: Status) -> Purchase:
    """An open purchase goes on as `status`; one that is paid stays so, whatever is told late."""
    _, purchase = _lock(purchase)
    if purchase.entry_id is None and purchase.status in (Status.PENDING, Status.PROCESSING, Status.EXPIRED):
        purchase.status = status
        purchase.save(update_fields=["status"])
    return purchase


def _lock(purchase: Purchase) -> tuple[Wallet, Purchase]:
    """The buyer's wallet, locked, and the purchase as it is under that lock. A closed wallet has nothing to spend."""
    wallet = ledger.lock_all([purchase.wallet.user])[purchase.wallet_id]
    return wallet, _known().get(pk=purchase.pk)


def _complete(purchase: Purchase, told: Told) -> Purchase:
    """The credits come, with an entry and an event, exactly once. Raises PaymentMismatch, and UserNotFound when the
    buyer is gone."""
    wallet = ledger.lock(purchase.wallet.user)
    purchase = _known().get(pk=purchase.pk)
    intent = _id_of(told.object.get("payment_intent"))
    _check(purchase, told, intent)
    if purchase.entry_id is not None:
        return purchase
    purchase.entry = ledger.receive(wallet, purchase.credits, Source.PURCHASED, description=purchase.name)
    purchase.payment_intent, purchase.completed_at, purchase.checkout_url = intent, timezone.now(), ""
    purchase.session_id = purchase.session_id or _id_of(told.object.get("id"))
    purchase.save()
    events.record(user=purchase.wallet.user, type="purchase.completed", data=_fact(purchase))
    # Locked anew: money may have gone back before we heard that it came, and then the new credits go, too.
    return _reconcile(*_lock(purchase))


def _check(purchase: Purchase, told: Told, intent: str) -> None:
    """Refuse a payment of another sum, currency or mode, on another page, or that paid for something already."""
    paid, session = told.object, _id_of(told.object.get("id"))
    if purchase.session_id and session != purchase.session_id:
        raise PaymentMismatch(f"{purchase.pk} has another payment page than {session}.")
    if purchase.entry_id is not None and intent != purchase.payment_intent:
        raise PaymentMismatch(f"{purchase.pk} was paid by {purchase.payment_intent} already.")
    if paid.get("payment_status") != "paid" or not intent:
        raise PaymentMismatch(f"{purchase.pk} is not paid.")
    if Purchase.objects.filter(payment_intent=intent).exclude(pk=purchase.pk).exists():
        raise PaymentMismatch(f"{intent} paid for another purchase than {purchase.pk}.")
    _check_money(purchase, told)
    if paid.get("amount_total") != purchase.price_amount:
        raise PaymentMismatch(f"{purchase.pk} costs {purchase.price_amount}, not {paid.get('amount_total')}.")


def _check_money(purchase: Purchase, told: Told) -> None:
    currency = str(told.object.get("currency"))[:10].lower()
    if currency != purchase.currency:
        raise PaymentMismatch(f"{purchase.pk} is in {purchase.currency}, not in {currency}.")
    if told.livemode != purchase.livemode:
        raise PaymentMismatch(f"{purchase.pk} is {'real' if purchase.livemode else 'test'} money, the event is not.")


def _id_of(thing: Any) -> str:
    """The id of what the provider names or, expanded, shows."""
    found = thing.get("id") if isinstance(thing, Mapping) else thing
    return found[:255] if isinstance(found, str) else ""


def _fact(purchase: Purchase) -> dict[str, Any]:
    return {
        "purchase_id": purchase.pk,
        "package_id": purchase.package.package_id,
        "transaction_id": purchase.entry_id,
        "credits": purchase.credits,
        "price_amount": purchase.price_amount,
        "currency": purchase.currency,
    }


def _charge_refunded(told: Told) -> Purchase | None:
    """Money went back, `amount_refunded` of it so far: the credits it bought go, too."""
    purchase = _charged(told)
    if purchase is None:
        return None
    _check_money(purchase, told)
    refunded = told.object.get("amount_refunded")
    if not isinstance(refunded, int) or refunded < 0:
        raise PaymentMismatch(f"{purchase.pk}: how much went back is not said.")
    wallet, purchase = _lock(purchase)
    # A sum so far: what was told before and comes late is less.
    purchase.refunded_amount = max(purchase.refunded_amount, min(refunded, purchase.price_amount))
    return _reconcile(wallet, purchase)


def _disputed(told: Told) -> Purchase | None:
    """The buyer's bank took the money back, or gave it to us again. An inquiry takes nothing yet."""
    purchase = _charged(told)
    if purchase is None:
        return None
    _check_money(purchase, told)
    wallet, purchase = _lock(purchase)
    if purchase.disputed_at is None or told.at >= purchase.disputed_at:
        status = str(told.object.get("status"))
        purchase.disputed, purchase.disputed_at = status != "won" and not status.startswith("warning_"), told.at
    return _reconcile(wallet, purchase)


def _charged(told: Told) -> Purchase | None:
    """The purchase that a charge, or a dispute about one, is for."""
    intent = _id_of(told.object.get("payment_intent"))
    found = _known().filter(payment_intent=intent).first() if intent else None
    return found or _named(told)


def _reconcile(wallet: Wallet, purchase: Purchase) -> Purchase:
    """Take credits back, or give them again, until as many are gone as the money that went back bought.

    What is spent or on hold cannot be taken, and is told to staff as unrecovered; a closed wallet is left alone."""
    gone = purchase.owed_credits - purchase.reversed_credits
    if purchase.entry is not None and wallet.closed_at is None:
        moved = (
            _take_back(wallet, purchase, min(gone, wallet.available)) if gone > 0 else _return(wallet, purchase, -gone)
        )
        purchase.reversed_credits -= moved.amount if moved else 0
    purchase.status = _standing(purchase)
    purchase.save()
    return purchase


def _take_back(wallet: Wallet, purchase: Purchase, credits: int) -> Entry | None:
    """An entry that takes as many of `credits` as are there: the purchase's own before any other."""
    credits = min(credits, wallet.available)
    if credits == 0 or purchase.entry is None:
        return None
    own = purchase.entry.allocations.values_list("grant_id", flat=True)[0]
    wallet.spendable = deque(sorted(wallet.spendable, key=lambda part: part[0] != own))
    said = "Payment in dispute" if purchase.disputed else "Payment refunded"
    draws = ledger.draw(wallet, credits)
    return _noted(
        purchase,
        ledger.post(wallet, EntryType.ADJUSTMENT, -credits, draws, description=said, related=purchase.entry),
    )


def _return(wallet: Wallet, purchase: Purchase, credits: int) -> Entry | None:
    if credits == 0:
        return None
    said = "The payment stands"
    return _noted(
        purchase, ledger.receive(wallet, credits, Source.ADJUSTMENT, description=said, related=purchase.entry)
    )


def _noted(purchase: Purchase, entry: Entry) -> Entry:
    Reversal.objects.create(purchase=purchase, entry=entry)
    return entry


def _standing(purchase: Purchase) -> Status:
    if purchase.disputed:
        return Status.DISPUTED
    if purchase.refunded_amount == purchase.price_amount:
        return Status.REFUNDED
    return Status.COMPLETED if purchase.entry_id else Status(purchase.status)


def _charge_made(told: Told) -> Purchase | None:
    """A payment has its receipt at the provider."""
    purchase, url = _named(told), told.object.get("receipt_url")
    if purchase is None or not isinstance(url, str) or not url.startswith("https://"):
        return None
    wallet, purchase = _lock(purchase)
    if wallet.closed_at is None:
        purchase.receipt_url = url[:2000]
        purchase.save(update_fields=["receipt_url"])
    return purchase


ACTS: Mapping[str, Callable[[Told], Purchase | None]] = {
    "checkout.session.completed": _session_done,
    "checkout.session.async_payment_succeeded": _session_done,
    "checkout.session.async_payment_failed": _session_failed,
    "checkout.session.expired": _session_expired,
    "charge.succeeded": _charge_made,
    "charge.updated": _charge_made,
    "charge.refunded": _charge_refunded,
    "charge.dispute.created": _disputed,
    "charge.dispute.updated": _disputed,
    "charge.dispute.closed": _disputed,
    "charge.dispute.funds_withdrawn": _disputed,
    "charge.dispute.funds_reinstated": _disputed,
}
