"""The wallet, everything that explains its balance, what things cost, and what was bought."""

from credits.models.entries import (
    INCOMING,
    KEY_TAKEN,
    OUTGOING,
    Allocation,
    ChargeKey,
    Entry,
    EntryQuerySet,
    EntryType,
)
from credits.models.holds import Hold, HoldAllocation, HoldQuerySet
from credits.models.ids import new_entry_id, new_hold_id, sortable_id
from credits.models.prices import GrantBatch, Price
from credits.models.purchases import (
    MAX_PRICE,
    Package,
    PaymentEvent,
    Purchase,
    PurchaseQuerySet,
    Reversal,
    new_purchase_id,
)
from credits.models.wallets import (
    BURN_RANK,
    DEFAULT_LOW_MARK,
    DEFAULT_PRIORITY,
    MAX_AMOUNT,
    MAX_PRIORITY,
    Grant,
    GrantQuerySet,
    Source,
    Wallet,
    counted,
)

__all__ = [
    "BURN_RANK",
    "DEFAULT_LOW_MARK",
    "DEFAULT_PRIORITY",
    "INCOMING",
    "KEY_TAKEN",
    "MAX_AMOUNT",
    "MAX_PRICE",
    "MAX_PRIORITY",
    "OUTGOING",
    "Allocation",
    "ChargeKey",
    "Entry",
    "EntryQuerySet",
    "EntryType",
    "Grant",
    "GrantBatch",
    "GrantQuerySet",
    "Hold",
    "HoldAllocation",
    "HoldQuerySet",
    "Package",
    "PaymentEvent",
    "Price",
    "Purchase",
    "PurchaseQuerySet",
    "Reversal",
    "Source",
    "Wallet",
    "counted",
    "new_entry_id",
    "new_hold_id",
    "new_purchase_id",
    "sortable_id",
]
