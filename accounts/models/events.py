"""What happened to people, and the mails that tell them."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.apps import ClientApp, Connection
from accounts.models.people import User


class EventQuerySet(models.QuerySet["Event"]):
    """Events by who may see them."""

    def owned_by(self, user: User) -> Self:
        return self.filter(user=user)

    def shown_to(self, app: ClientApp) -> Self:
        """Those of the people who are connected to `app` at the moment of reading."""
        connected = Connection.objects.filter(app=app, disconnected_at__isnull=True, user__is_active=True)
        return self.filter(user__in=connected.values("user"))


class Event(models.Model):
    """A fact that a write left behind, appended in that write's own transaction; kept 30 days.

    `id` is in order per person only, since another's transaction may end later; readers follow `position`."""

    id = models.BigAutoField(primary_key=True)
    position = models.BigIntegerField(null=True, unique=True, editable=False)
    type = models.CharField(max_length=40)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes: ClassVar = [
            models.Index(fields=["user", "position"], name="event_by_user"),
            models.Index(fields=["id"], name="event_without_position", condition=Q(position__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.type}"


class Feed(models.Model):
    """The one row that hands out positions: whoever holds its lock is the only one numbering events."""

    last_position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"up to {self.last_position}"


class Mail(models.Model):
    """An email to a person that was decided on but not handed over yet; the row goes when the mail has gone.

    `template` names `<template>_subject.txt` and `<template>.txt`, which are rendered with `data` as it is sent."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    template = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.template} for {self.user}"
