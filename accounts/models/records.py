"""What was answered, what staff did, and the key that signs ID tokens."""

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.chain import ERASED
from accounts.models.apps import ClientApp
from accounts.models.people import User


class IdempotencyRecord(models.Model):
    """What an app's key answered the first time; written in the same transaction as the effect.

    The row stays, so that its key never has a second effect. Without a `content_type` its answer was let go."""

    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    # Whom the answer is about; empty when it is about several people.
    user_id = models.CharField(max_length=128, default="")
    status = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=80, default="")
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["app", "endpoint", "key"], name="one_answer_per_idempotency_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=~Q(content_type=""), name="idempotency_answer_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.key}"

    if TYPE_CHECKING:
        app_id: int


class AuditEntry(models.Model):
    """Something that staff did, or that happened to a key: which, to what row, by whom. Nobody changes or deletes it.

    `id` is its place in the chain, without gaps; `details` are JSON, and erased when `person` closes their account."""

    id = models.PositiveBigIntegerField(primary_key=True)
    action = models.CharField(max_length=40, db_index=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=80)
    object_id = models.CharField("object", max_length=128)
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    request_id = models.CharField(max_length=128)
    details = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("-id",)
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [models.Index(fields=["kind", "object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.id} {self.action}"

    @property
    def is_erased(self) -> bool:
        return self.details.startswith(ERASED)

    @property
    def facts(self) -> dict[str, Any]:
        """What the details say; nothing once they are erased."""
        said: dict[str, Any] = {} if self.is_erased else json.loads(self.details)
        said.pop("salt", None)
        return said

    if TYPE_CHECKING:
        actor_id: int | None
        person_id: int | None


class AuditHead(models.Model):
    """The one row that says where the audit log ends: whoever holds its lock is the only one writing to the log."""

    last_id = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.last_id} {self.hash}"


class SigningKey(models.Model):
    """The key that signs ID tokens, sealed under SECRET_KEY; `name` says under which."""

    name = models.CharField(max_length=32, unique=True)
    sealed = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name[:8]
