"""What staff set: the price book, and bonuses given to many at once."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import ClientApp, User
from credits.models.wallets import DEFAULT_PRIORITY, MAX_AMOUNT, counted


class GrantBatch(models.Model):
    """Bonus credits given to many people at once under a key, so that giving them twice gives them once."""

    key = models.CharField(max_length=255, unique=True)
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_AMOUNT)])
    reason = models.CharField(max_length=500)
    expires_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(default=DEFAULT_PRIORITY)
    # A digest of who was meant, which a repeat must mean as well.
    audience = models.CharField(max_length=64, default="", editable=False)
    count = models.PositiveIntegerField()
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "grant batches"

    def __str__(self) -> str:
        people = "1 person" if self.count == 1 else f"{self.count} people"
        return f"{counted(self.amount)} to {people}: {self.reason}"


class Price(models.Model):
    """One version of a price; a change adds a row, so past charges and holds keep theirs. `app` None: any app."""

    app = models.ForeignKey(ClientApp, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    operation = models.SlugField(max_length=60)
    unit = models.CharField(max_length=20, default="use")
    credits = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_AMOUNT)])
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("operation", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(credits__gte=1), name="price_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.operation}: {self.credits} per {self.unit}"

    if TYPE_CHECKING:
        app_id: int | None

    def facts(self) -> dict[str, Any]:
        """The price as the API shows it."""
        app = self.app.slug if self.app else None
        return {"app": app, "operation": self.operation, "unit": self.unit, "credits": self.credits}
