"""What the ledger offers. Every call is one transaction that locks the owner's wallet first."""

from credits.services.charges import InsufficientCredits, SpendingCapReached, charge, refund
from credits.services.grants import GrantKeyReused, WalletChanged, adjust, grant, grant_many, grant_once
from credits.services.holds import HoldExpired, HoldSettled, capture, extend, hold, hold_of, release
from credits.services.wallets import lock_owner, open_imported, reserved_bytes, settle_due, wallet_of

__all__ = [
    "GrantKeyReused",
    "HoldExpired",
    "HoldSettled",
    "InsufficientCredits",
    "SpendingCapReached",
    "WalletChanged",
    "adjust",
    "capture",
    "charge",
    "extend",
    "grant",
    "grant_many",
    "grant_once",
    "hold",
    "hold_of",
    "lock_owner",
    "open_imported",
    "refund",
    "release",
    "reserved_bytes",
    "settle_due",
    "wallet_of",
]
