"""Credits for money: what is on offer, who bought it, and what the payment provider said about it."""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import ClientApp, User
from credits.models.entries import Entry
from credits.models.ids import sortable_id
from credits.models.wallets import MAX_AMOUNT, Wallet

# Stripe takes at most eight digits of a currency's smallest unit.
MAX_PRICE = 99_999_999


def new_purchase_id() -> str:
    return sortable_id("pur_")


class Package(models.Model):
    """So many credits for so much money. A purchase copies both, so that a change touches nothing that is under way."""

    package_id = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    credits = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_AMOUNT)])
    price_amount = models.PositiveIntegerField(
        "price",
        help_text="In the smallest unit of the currency: 500 is 5.00 USD, and 500 JPY.",
        validators=[MinValueValidator(1), MaxValueValidator(MAX_PRICE)],
    )
    currency = models.CharField(
        max_length=3,
        default="usd",
        help_text="Three small letters, as ISO 4217 has them.",
        validators=[RegexValidator(r"^[a-z]{3}\Z")],
    )
    is_active = models.BooleanField("on offer", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("credits", "id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(credits__gte=1, price_amount__gte=1), name="package_is_worth_something")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.credits} credits"


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    """Purchases as their owner may read them, and by where they stand."""

    def owned_by(self, user: User) -> Self:
        return self.filter(wallet_id=user.pk)

    def payable(self, at: datetime) -> Self:
        """Those whose payment page is open at `at`."""
        return self.filter(status=Purchase.Status.PENDING, expires_at__gt=at).exclude(checkout_url="")

    def shown(self) -> Self:
        """Those that somebody paid, or tried to: a payment page that was only looked at says nothing to its owner."""
        return self.exclude(status__in=(Purchase.Status.PENDING, Purchase.Status.EXPIRED))


class Purchase(models.Model):
    """One purchase of a package, from the moment its payment page is asked for.

    `entry` is the one that brought the credits. `refunded_amount` of money went back, or all of it is in dispute;
    `reversed_credits` of the credits were taken back for that, and what could not be, being spent, is `unrecovered`."""

    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        COMPLETED = "completed"
        FAILED = "failed"
        EXPIRED = "expired"
        REFUNDED = "refunded"
        DISPUTED = "disputed"

    id = models.CharField(primary_key=True, max_length=40, default=new_purchase_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+")
    app = models.ForeignKey(ClientApp, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    credits = models.PositiveIntegerField()
    price_amount = models.PositiveIntegerField("price")
    currency = models.CharField(max_length=3)
    livemode = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    session_id = models.CharField(max_length=255, blank=True)
    checkout_url = models.TextField(blank=True)
    payment_intent = models.CharField(max_length=255, blank=True)
    receipt_url = models.TextField(blank=True)
    entry = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    refunded_amount = models.PositiveIntegerField("refunded", default=0)
    disputed = models.BooleanField(default=False)
    # When the provider said so: what it said before that and comes later is old news.
    disputed_at = models.DateTimeField(null=True, blank=True)
    reversed_credits = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session_id"], condition=~Q(session_id=""), name="one_purchase_a_session"),
            models.UniqueConstraint(
                fields=["payment_intent"], condition=~Q(payment_intent=""), name="one_purchase_a_payment"
            ),
            models.CheckConstraint(
                condition=Q(reversed_credits__lte=F("credits"), refunded_amount__lte=F("price_amount")),
                name="purchase_reversed_within_bought",
            ),
            models.CheckConstraint(
                condition=Q(entry__isnull=False) | Q(completed_at__isnull=True, reversed_credits=0),
                name="purchase_completed_by_entry",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["wallet", "created_at"], name="purchase_by_time")]

    def __str__(self) -> str:
        return f"{self.id}: {self.credits} credits"

    @property
    def owed_credits(self) -> int:
        """Credits that what was refunded, or is in dispute, bought; for part of the money a part, rounded down."""
        if self.disputed:
            return self.credits
        return self.credits * self.refunded_amount // self.price_amount

    @property
    def unrecovered(self) -> int:
        """Credits that should have been taken back and were spent already."""
        return max(0, self.owed_credits - self.reversed_credits) if self.entry_id else 0

    if TYPE_CHECKING:
        wallet_id: int
        app_id: int | None
        entry_id: str | None


class Reversal(models.Model):
    """An entry that took credits of a purchase back because its money went back, or gave them again."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="reversals")
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.entry} of {self.purchase}"


class PaymentEvent(models.Model):
    """What the payment provider told us about a purchase, once per its id: the row and its effect commit together.

    One that was refused changed nothing and is heard again when it is told again."""

    class Outcome(models.TextChoices):
        DONE = "done"
        REFUSED = "refused"

    id = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(max_length=100)
    purchase = models.ForeignKey(Purchase, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    detail = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
