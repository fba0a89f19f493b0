"""The wallet and the grants that make up its balance."""

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.utils import timezone

from accounts.models import User

MAX_AMOUNT = 1_000_000
DEFAULT_LOW_MARK = 10
DEFAULT_PRIORITY = 100
MAX_PRIORITY = 1000


def counted(credits: int, sign: str = "") -> str:
    """So many credits in English, for the records: "1 credit", or with `sign` "+" "+5 credits"."""
    return f"{credits:{sign}} credit{'' if abs(credits) == 1 else 's'}"


class Wallet(models.Model):
    """One person's credits. Its row is the lock that every write to the person's credits and bytes takes first."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="+")
    balance = models.PositiveBigIntegerField(default=0)
    held = models.PositiveBigIntegerField(default=0)
    version = models.PositiveBigIntegerField(default=0)
    head_hash = models.CharField(max_length=64, default="")
    next_due_at = models.DateTimeField(null=True, blank=True)
    # Its owner is told when the balance falls to this or below; 0 never tells.
    low_mark = models.PositiveIntegerField(default=DEFAULT_LOW_MARK)
    # From then on nobody acts for its owner, who is gone; it is empty for good.
    closed_at = models.DateTimeField(null=True, blank=True)

    # Not stored: what the ledger reads as it locks the wallet. Grants with their free credits, in burn order, and what
    # the app that is about to spend may spend in a day; where there is such a cap, what it used today and holds now.
    spendable: deque[tuple[int, int]]
    daily_cap: int | None
    used_today: int
    held_by_app: int

    if TYPE_CHECKING:
        user_id: int

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="wallet_balance_not_negative"),
            models.CheckConstraint(condition=Q(held__gte=0, held__lte=F("balance")), name="wallet_held_within_balance"),
        ]

    def __str__(self) -> str:
        return counted(self.balance)

    @property
    def available(self) -> int:
        """Credits that can be spent now: balance less holds."""
        return self.balance - self.held


class Source(models.TextChoices):
    BONUS = "bonus"
    BASE = "base"
    ADJUSTMENT = "adjustment"
    PURCHASED = "purchased"


# Burn order: what was given goes before what was paid for.
BURN_RANK = {Source.BONUS: 0, Source.BASE: 1, Source.ADJUSTMENT: 1, Source.PURCHASED: 2}


class GrantQuerySet(models.QuerySet["Grant"]):
    """Grants by what can still be spent of them."""

    def spendable(self, at: datetime) -> Self:
        alive = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
        return self.filter(alive, remaining__gt=F("held"))

    def in_burn_order(self) -> Self:
        """Priority, then what expires first (never last), then bonus before base before purchased, then oldest."""
        return self.order_by("priority", F("expires_at").asc(nulls_last=True), "rank", "id")


class Grant(models.Model):
    """Credits that came in together, with what is left of them."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants")
    source = models.CharField(max_length=12, choices=Source.choices)
    rank = models.PositiveSmallIntegerField()
    priority = models.PositiveSmallIntegerField(default=DEFAULT_PRIORITY)
    amount = models.PositiveIntegerField()
    remaining = models.PositiveIntegerField()
    held = models.PositiveIntegerField(default=0)
    # Its own column, so that an index can leave out what is used up without being written anew at every charge.
    used_up = models.GeneratedField(
        expression=ExpressionWrapper(Q(remaining=0), output_field=models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(held__gte=0, held__lte=F("remaining"), remaining__lte=F("amount")),
                name="grant_held_within_remaining_within_amount",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet"], condition=Q(used_up=False), name="grant_not_used_up"),
        ]

    def __str__(self) -> str:
        return f"{self.remaining} of {self.amount} {self.source}"
