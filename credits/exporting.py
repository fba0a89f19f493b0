"""What the wallet puts into a person's export: its entries, the grants behind them, the holds and what was bought."""

from collections.abc import Iterator
from typing import Any

from accounts.exporting import Row, pages
from accounts.models import User
from credits.models import Entry, Grant, Hold, Purchase, Wallet

ENTRY_COLUMNS = (
    "transaction_id",
    "created_at",
    "app_name",
    "transaction_type",
    "amount",
    "balance_after",
    "description",
    "project_code",
    "related_transaction_id",
    "hold_id",
)
GRANT_COLUMNS = ("source", "amount", "remaining", "held", "created_at", "expires_at")
HOLD_COLUMNS = (
    "hold_id",
    "app_name",
    "amount",
    "captured",
    "storage_bytes",
    "description",
    "status",
    "created_at",
    "expires_at",
    "settled_at",
)
PURCHASE_COLUMNS = (
    "purchase_id",
    "name",
    "credits",
    "price_amount",
    "currency",
    "status",
    "transaction_id",
    "refunded_amount",
    "reversed_credits",
    "created_at",
    "completed_at",
)


def wallet_facts(wallet: Wallet) -> Row:
    """The balance, and the entry it stands at: `version` counts the entries."""
    return {
        "credits": wallet.available,
        "credits_balance": wallet.balance,
        "credits_held": wallet.held,
        "version": wallet.version,
    }


def entry_rows(user: User, upto: int) -> Iterator[Row]:
    """Every entry up to the `upto`-th, oldest first, in the words of `GET transactions`."""
    entries = Entry.objects.owned_by(user).filter(version__lte=upto).select_related("app")
    for page in pages(entries, by="version"):
        for entry in page:
            yield {
                "transaction_id": entry.id,
                "created_at": entry.created_at,
                "app_name": entry.app_name,
                "transaction_type": entry.transaction_type,
                "amount": entry.amount,
                "balance_after": entry.balance_after,
                "description": entry.description,
                "project_code": entry.project_code or None,
                "related_transaction_id": entry.related_id,
                "hold_id": entry.hold_id,
            }


def grant_rows(user: User) -> Iterator[Row]:
    """The credits that came in together, and what is left of them."""
    names: tuple[Any, ...] = GRANT_COLUMNS
    yield from Grant.objects.filter(wallet_id=user.pk).order_by("pk").values(*names).iterator()


def hold_rows(user: User) -> Iterator[Row]:
    """What was set aside for work under way, and what became of it."""
    for hold in Hold.objects.filter(wallet_id=user.pk).select_related("app").order_by("pk").iterator():
        yield {
            "hold_id": hold.id,
            "app_name": hold.app.slug,
            "amount": hold.amount,
            "captured": hold.captured,
            "storage_bytes": hold.storage_bytes,
            "description": hold.description,
            "status": hold.status,
            "created_at": hold.created_at,
            "expires_at": hold.expires_at,
            "settled_at": hold.settled_at,
        }


def purchase_rows(user: User) -> Iterator[Row]:
    """What was bought, in the words of `GET purchases`; prices in the smallest unit of their currency."""
    ids = {"id": "purchase_id", "entry_id": "transaction_id"}
    own = [name for name in PURCHASE_COLUMNS if name not in ids.values()]
    for row in Purchase.objects.owned_by(user).order_by("pk").values(*own, *ids).iterator():
        yield {ids.get(name, name): value for name, value in row.items()}
