"""Credits, and bytes if asked, set aside for work under way."""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.models import ClientApp
from credits.models.ids import new_hold_id
from credits.models.wallets import Grant, Wallet


class HoldQuerySet(models.QuerySet["Hold"]):
    """Holds by state; an expired hold is not active, swept or not."""

    def active(self, at: datetime) -> Self:
        return self.filter(status=Hold.Status.ACTIVE, expires_at__gt=at)

    def storage_bytes(self) -> int:
        return self.aggregate(total=Sum("storage_bytes"))["total"] or 0


class Hold(models.Model):
    """Credits, and bytes if asked, set aside for work under way. Keeps the price it was made at."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        CAPTURED = "captured"
        RELEASED = "released"
        EXPIRED = "expired"

    id = models.CharField(primary_key=True, max_length=40, default=new_hold_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    app = models.ForeignKey(ClientApp, on_delete=models.PROTECT, related_name="+")
    amount = models.PositiveIntegerField()
    captured = models.PositiveIntegerField(default=0)
    storage_bytes = models.PositiveBigIntegerField(default=0)
    description = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(captured__lte=F("amount")), name="hold_captured_within_amount")
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet"], condition=Q(status="active"), name="hold_active"),
        ]

    def __str__(self) -> str:
        return self.id

    if TYPE_CHECKING:
        app_id: int
        wallet_id: int


class HoldAllocation(models.Model):
    """Which grants a hold took its credits from, and how many of them it still holds."""

    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="allocations")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    amount = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.amount} from {self.grant}"
