"""What moved a wallet, append-only, and the answers that the keys of batches were given."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.chain import digest_of
from accounts.models import ClientApp, User
from credits.models.holds import Hold
from credits.models.ids import new_entry_id
from credits.models.wallets import Grant, Wallet


class EntryType(models.TextChoices):
    BASE = "base", _("Base")
    BONUS = "bonus", _("Bonus")
    PURCHASED = "purchased", _("Purchased")
    USED = "used", _("Used")
    REFUND = "refund", _("Refund")
    EXPIRED = "expired", _("Expired")
    ADJUSTMENT = "adjustment", _("Adjustment")


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
