"""What the ledger offers. Every call is one transaction that locks the owner's wallet first."""

from credits.services.batches import Order, Outcome, charge_batch
from credits.services.charges import InsufficientCredits, SpendingCapReached, charge, receipt, refund
from credits.services.closing import close_wallet
from credits.services.grants import (
    GrantKeyReused,
    NobodyToGrant,
    WalletChanged,
    adjust,
    grant,
    grant_many,
    grant_once,
    in_words,
)
from credits.services.holds import HoldExpired, HoldSettled, capture, extend, hold, hold_of, release
from credits.services.notices import set_low_mark
from credits.services.payment_events import PaymentMismatch, take_event
from credits.services.purchases import checkout, expire_purchases
from credits.services.wallets import (
    expiring,
    lock_owner,
    open_imported,
    open_wallets,
    reserved_bytes,
    settle_due,
    wallet_of,
)

__all__ = [
    "GrantKeyReused",
    "HoldExpired",
    "HoldSettled",
    "InsufficientCredits",
    "NobodyToGrant",
    "Order",
    "Outcome",
    "PaymentMismatch",
    "SpendingCapReached",
    "WalletChanged",
    "adjust",
    "capture",
    "charge",
    "charge_batch",
    "checkout",
    "close_wallet",
    "expire_purchases",
    "expiring",
    "extend",
    "grant",
    "grant_many",
    "grant_once",
    "hold",
    "hold_of",
    "in_words",
    "lock_owner",
    "open_imported",
    "open_wallets",
    "receipt",
    "refund",
    "release",
    "reserved_bytes",
    "set_low_mark",
    "settle_due",
    "take_event",
    "wallet_of",
]
