"""What each endpoint is to be told: a row for every event that is its app's to know, in the order of the feed."""

import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Event, WebhookDelivery, WebhookEndpoint

EVENTS_AT_ONCE = 500
TEST = "webhook.test"


@transaction.atomic
def queue(endpoint: WebhookEndpoint) -> int:
    """Write down what follows behind the endpoint's position, a batch at most; returns how much that is.

    The caller has numbered the feed and has the endpoint's turn."""
    locked = WebhookEndpoint.objects.select_for_update(of=("self",)).select_related("app").get(pk=endpoint.pk)
    # All events, and then the app's among them: the position moves on past what it may not see.
    behind = list(
        Event.objects.filter(position__gt=locked.position)
        .order_by("position")
        .only("pk", "position", "type")[:EVENTS_AT_ONCE]
    )
    if not behind:
        return 0
    wanted = [event.pk for event in behind if not locked.types or event.type in locked.types]
    shown = Event.objects.shown_to(locked.app).filter(pk__in=wanted).order_by("position")
    made = [WebhookDelivery(endpoint=locked, event=event) for event in shown]
    WebhookDelivery.objects.bulk_create(made, ignore_conflicts=True)
    locked.position = behind[-1].position or locked.position
    locked.save(update_fields=["position"])
    return len(made)


def may_know(delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> bool:
    """Whether the app may still hear of it: its person may have disconnected or left meanwhile."""
    return Event.objects.shown_to(endpoint.app).filter(pk=delivery.event_id).exists()


def body_of(event: Event) -> bytes:
    """The event as the feed shows it, and when it happened as Standard Webhooks calls that."""
    at = event.created_at.isoformat().replace("+00:00", "Z")
    shown = {"id": event.position, "type": event.type, "timestamp": at, "user_id": event.user.user_id}
    return _written(shown | {"created_at": at, "data": event.data})


def body_of_test() -> bytes:
    """A message in the shape of an event's, about nobody."""
    at = timezone.now().isoformat().replace("+00:00", "Z")
    return _written({"id": 0, "type": TEST, "timestamp": at, "user_id": None, "created_at": at, "data": {}})


def _written(shown: dict[str, Any]) -> bytes:
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
