"""Where an app wants to be told of events, and how each telling went."""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models.apps import ClientApp
from accounts.models.events import Event


class EndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    """Endpoints by whether there is something to do for them."""

    def on(self) -> Self:
        return self.filter(is_active=True, app__is_active=True)

    def free(self, at: datetime) -> Self:
        """Those that no runner is at work for."""
        return self.filter(Q(leased_until__isnull=True) | Q(leased_until__lte=at))

    def waiting(self, at: datetime, head: int) -> Self:
        """Those that may be told something now, and have something due or behind the feed's `head`."""
        due = WebhookDelivery.objects.due(at).filter(endpoint=OuterRef("pk"))
        rested = Q(rests_until__isnull=True) | Q(rests_until__lte=at)
        return self.on().free(at).filter(rested, Exists(due) | Q(position__lt=head))


class WebhookEndpoint(models.Model):
    """An address of an app. `position` is the last event of the feed that was looked at for it.

    The secrets are sealed under SECRET_KEY; after a rotation the one before signs as well, for a while."""

    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField("URL", max_length=500)
    types = models.JSONField(default=list, blank=True, help_text="Which events; all when none is chosen.")
    secret = models.TextField(editable=False)
    old_secret = models.TextField(blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField("active", default=True)
    disabled_because = models.CharField(max_length=200, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    position = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # In a row, and until when it is left alone for that.
    failures = models.PositiveIntegerField(default=0, editable=False)
    rests_until = models.DateTimeField(null=True, blank=True, editable=False)
    # Whose turn it is: one runner at a time, so that messages keep their order.
    lease = models.CharField(max_length=32, blank=True, editable=False)
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    turn_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = "webhook"

    def __str__(self) -> str:
        return f"{self.app.slug}: {self.url}"

    if TYPE_CHECKING:
        app_id: int


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Deliveries by what is to be done with them."""

    def due(self, at: datetime) -> Self:
        return self.filter(status=WebhookDelivery.Status.PENDING, due_at__lte=at)

    def failed(self) -> Self:
        return self.filter(status=WebhookDelivery.Status.FAILED)


class WebhookDelivery(models.Model):
    """One event for one endpoint; it goes with its event, after 30 days or when its person leaves."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        WITHHELD = "withheld"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    answered = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    took_ms = models.PositiveIntegerField("took (ms)", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True)
    # The latest attempts: at, status, error, ms.
    history = models.JSONField(default=list, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="one_delivery_per_event_and_endpoint")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(status="pending"), name="delivery_due"),
            models.Index(fields=["endpoint", "status"], name="delivery_by_status"),
            models.Index(fields=["endpoint", "id"], condition=Q(status="pending"), name="delivery_next"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.endpoint}"

    @property
    def message_id(self) -> str:
        """The same for every attempt: by it a receiver knows a message it had already."""
        return f"evt_{self.event.position}"

    if TYPE_CHECKING:
        endpoint_id: int
        event_id: int
