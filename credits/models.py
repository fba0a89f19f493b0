"""The wallet and everything that explains its balance: grants, entries, allocations, holds and prices."""

import secrets
import time
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Sum
from django.utils import timezone

from accounts.chain import digest_of
from accounts.models import ClientApp, User

MAX_AMOUNT = 1_000_000
DEFAULT_LOW_MARK = 10
DEFAULT_PRIORITY = 100
MAX_PRIORITY = 1000
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
# Two at a time: ten bits each.
PAIRS = [first + second for first in CROCKFORD for second in CROCKFORD]


def sortable_id(prefix: str) -> str:
    """An opaque id that sorts by time (48 bits of milliseconds, 80 random bits, as in a ULID)."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return prefix + "".join([PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def new_entry_id() -> str:
    return sortable_id("txn_")


def new_hold_id() -> str:
    return sortable_id("hold_")


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
        return f"{self.balance} credits"

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


class EntryType(models.TextChoices):
    BASE = "base"
    BONUS = "bonus"
    PURCHASED = "purchased"
    USED = "used"
    REFUND = "refund"
    EXPIRED = "expired"
    ADJUSTMENT = "adjustment"


INCOMING = (EntryType.BASE, EntryType.BONUS, EntryType.PURCHASED, EntryType.REFUND)
OUTGOING = (EntryType.USED, EntryType.EXPIRED)


class EntryQuerySet(models.QuerySet["Entry"]):
    """Entries as their owner may read them."""

    def owned_by(self, user: User) -> Self:
        return self.filter(wallet_id=user.pk)


class Entry(models.Model):
    """One change of one wallet, never changed afterwards. `app` is None where Unified itself acted."""

    id = models.CharField(primary_key=True, max_length=40, default=new_entry_id, editable=False)
    # Every index is written with every charge: only those that something asks for.
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries", db_index=False)
    version = models.PositiveBigIntegerField()
    app = models.ForeignKey(
        ClientApp, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    transaction_type = models.CharField(max_length=10, choices=EntryType.choices)
    amount = models.BigIntegerField()
    balance_after = models.PositiveBigIntegerField()
    description = models.CharField(max_length=500, blank=True)
    project_code = models.CharField(max_length=6, blank=True)
    related = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections", db_index=False
    )
    hold = models.ForeignKey(
        Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    hash = models.CharField(max_length=64)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "version"], name="one_entry_per_wallet_version"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_balance_not_negative"),
            models.CheckConstraint(
                condition=Q(transaction_type__in=INCOMING, amount__gt=0)
                | Q(transaction_type__in=OUTGOING, amount__lt=0)
                | Q(transaction_type="adjustment") & ~Q(amount=0),
                name="entry_sign_fits_type",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet", "created_at"], name="entry_by_time"),
            models.Index(fields=["wallet", "project_code"], condition=~Q(project_code=""), name="entry_by_project"),
            models.Index(fields=["related"], condition=Q(related__isnull=False), name="entry_by_related"),
            models.Index(fields=["hold"], condition=Q(hold__isnull=False), name="entry_by_hold"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.amount:+}"

    @property
    def app_name(self) -> str:
        app = self.app
        return app.slug if app else "unified"

    @property
    def description_digest(self) -> str:
        """SHA-256 of what the description says, or said before it was erased."""
        return digest_of(self.description)

    if TYPE_CHECKING:
        app_id: int | None
        related_id: str | None
        hold_id: str | None
        wallet_id: int


class Allocation(models.Model):
    """Which grant an entry drew on (negative amount) or gave back to (positive)."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="allocations", db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="allocations")
    amount = models.BigIntegerField()

    class Meta:
        # Its own, or PostgreSQL would keep a second one for LIKE.
        indexes: ClassVar = [models.Index(fields=["entry"], name="allocation_by_entry")]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.grant}"


# How PostgreSQL names what a key that is used twice breaks.
KEY_TAKEN = "one_answer_per_charge_key"


class ChargeKey(models.Model):
    """What one charge of a batch was answered under its key: 200 with its receipt, or 402 with what was missing.

    Rows are never changed or deleted (triggers see to it), so that a key never has a second effect."""

    app = models.ForeignKey(ClientApp, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["app", "key"], name=KEY_TAKEN),
            models.CheckConstraint(condition=Q(status__in=(200, 402)), name="kept_answers_only"),
        ]

    def __str__(self) -> str:
        return self.key


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
        return f"{self.amount} credits to {self.count} people: {self.reason}"


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
