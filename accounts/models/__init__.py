"""Who is calling: people, client apps with their keys, the connections between them, and the outbox of facts."""

from accounts.models.apps import (
    DEFAULT_SCOPES,
    SCOPES,
    ApiKey,
    ApiKeyQuerySet,
    AppLogo,
    ClientApp,
    Connection,
    LoginLink,
)
from accounts.models.events import Event, EventQuerySet, Feed, Mail
from accounts.models.people import (
    USER_ID_PATTERN,
    ClosedAccount,
    ClosedAccountQuerySet,
    ClosedAddress,
    User,
    UserManager,
    new_user_id,
)
from accounts.models.records import AuditEntry, AuditHead, IdempotencyRecord, SigningKey
from accounts.models.webhooks import DeliveryQuerySet, WebhookDelivery, WebhookEndpoint

__all__ = [
    "DEFAULT_SCOPES",
    "SCOPES",
    "USER_ID_PATTERN",
    "ApiKey",
    "ApiKeyQuerySet",
    "AppLogo",
    "AuditEntry",
    "AuditHead",
    "ClientApp",
    "ClosedAccount",
    "ClosedAccountQuerySet",
    "ClosedAddress",
    "Connection",
    "DeliveryQuerySet",
    "Event",
    "EventQuerySet",
    "Feed",
    "IdempotencyRecord",
    "LoginLink",
    "Mail",
    "SigningKey",
    "User",
    "UserManager",
    "WebhookDelivery",
    "WebhookEndpoint",
    "new_user_id",
]
