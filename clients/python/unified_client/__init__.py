"""The Python client of Unified's HTTP API: typed, retrying, standard library only."""

from unified_client.answers import (
    BatchCharge,
    ChargeResult,
    Estimate,
    Hold,
    Project,
    Receipt,
    SavedProject,
    Transaction,
    UserInfo,
)
from unified_client.client import Client
from unified_client.errors import (
    AuthenticationFailed,
    BadRequest,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InsufficientCredits,
    NotFound,
    RateLimited,
    ServerFault,
    TooLarge,
    UnifiedError,
    WorkspaceFull,
)
from unified_client.transport import Retry
from unified_client.webhooks import InvalidWebhook, verify_webhook

__all__ = [
    "AuthenticationFailed",
    "BadRequest",
    "BatchCharge",
    "ChargeResult",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Estimate",
    "Forbidden",
    "Hold",
    "InsufficientCredits",
    "InvalidWebhook",
    "NotFound",
    "Project",
    "RateLimited",
    "Receipt",
    "Retry",
    "SavedProject",
    "ServerFault",
    "TooLarge",
    "Transaction",
    "UnifiedError",
    "UserInfo",
    "WorkspaceFull",
    "verify_webhook",
]
