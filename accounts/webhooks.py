"""Telling apps of events at an address of theirs: signed after Standard Webhooks, at least once, tried again for days.

What is to be told is written down from the feed, endpoint by endpoint; a telling is taken for the length of a lease,
sent outside of any transaction, and what came of it is noted. A killed sender's lease simply ends. Receivers know a
repeat by its `webhook-id`, and put what comes late into its place by the event's `id`, which only grows."""

import base64
import json
import random
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import connection, connections, transaction
from django.db.models import QuerySet
from django.utils import timezone
from standardwebhooks import Webhook

from accounts import feed, webhook_targets
from accounts.models import ClientApp, Event, WebhookDelivery, WebhookEndpoint
from accounts.sealing import seal, unseal
from accounts.webhook_targets import Answer, NotReached

PURPOSE = "accounts.webhooks"
# The pauses that Standard Webhooks suggests, in seconds; three days and a bit in all.
PAUSES = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
LONGEST_PAUSE = 86_400
GIVE_UP_AFTER = timedelta(days=5)
LEASE = timedelta(seconds=4 * webhook_targets.WHOLE_SECONDS)
OLD_SECRET_FOR = timedelta(days=1)
ENDPOINTS_AT_ONCE, AT_A_TURN, EVENTS_AT_ONCE = 8, 50, 500
Status = WebhookDelivery.Status


@dataclass(slots=True)
class Tally:
    """What one round did."""

    queued: int = 0
    delivered: int = 0
    failed: int = 0


def add_endpoint(*, app: ClientApp, url: str, types: Iterable[str] = ()) -> tuple[WebhookEndpoint, str]:
    """An address that is told of `types` of events (all when empty) from now on, and its secret, which is shown once.

    Raises InvalidField for an address that must not be called."""
    webhook_targets.check(url)
    plain = new_secret()
    made = WebhookEndpoint(app=app, url=url, types=sorted(types), secret=seal(plain, PURPOSE), position=feed.head())
    made.save(force_insert=True)
    return made, plain


@transaction.atomic
def rotate_secret(*, endpoint: WebhookEndpoint) -> str:
    """A new secret, shown once; for a day the one before signs as well."""
    kept = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    plain = new_secret()
    kept.old_secret, kept.old_secret_until = kept.secret, timezone.now() + OLD_SECRET_FOR
    kept.secret = seal(plain, PURPOSE)
    kept.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return plain


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def replay(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Send these once more, from the first attempt on, and return how many they are."""
    fresh = {"status": Status.PENDING, "attempts": 0, "due_at": timezone.now(), "error": ""}
    return deliveries.update(**fresh)


def deliver() -> Tally:
    """Write down what is to be told and tell what is due; several processes may do so at once.

    Endpoints are told side by side, so that a slow one keeps nobody waiting but itself."""
    tally = Tally(queued=_queue_all())
    due = WebhookDelivery.objects.due(timezone.now()).order_by().values_list("endpoint_id", flat=True).distinct()
    keys = list(due)
    if keys:
        with ThreadPoolExecutor(min(ENDPOINTS_AT_ONCE, len(keys))) as pool:
            for delivered, failed in pool.map(_tell, keys):
                tally.delivered += delivered
                tally.failed += failed
    return tally


def _queue_all() -> int:
    """Write down what each endpoint is to be told. Asks little where nobody is to be told, or nothing has happened."""
    endpoints = list(WebhookEndpoint.objects.filter(is_active=True))
    reached = feed.head() if endpoints else 0
    return sum(_queue(endpoint) for endpoint in endpoints if endpoint.position < reached)


def _queue(endpoint: WebhookEndpoint) -> int:
    """Write down the events behind the endpoint's position that are its app's to know. Returns how many."""
    queued = 0
    while found := _queue_some(endpoint.pk):
        queued += found[1]
        if found[0] < EVENTS_AT_ONCE:
            break
    return queued


@transaction.atomic
def _queue_some(pk: int) -> tuple[int, int] | None:
    endpoint = _locked(WebhookEndpoint.objects.filter(pk=pk, is_active=True).select_related("app"))
    if endpoint is None:
        return None
    # All events, and then the app's among them: the position moves on past what it may not see.
    columns = ("pk", "position", "type")
    behind = list(
        Event.objects.filter(position__gt=endpoint.position).order_by("position").only(*columns)[:EVENTS_AT_ONCE]
    )
    if not behind:
        return None
    wanted = [event.pk for event in behind if not endpoint.types or event.type in endpoint.types]
    shown = Event.objects.shown_to(endpoint.app).filter(pk__in=wanted).order_by("position")
    made = [WebhookDelivery(endpoint=endpoint, event=event) for event in shown]
    WebhookDelivery.objects.bulk_create(made, ignore_conflicts=True)
    endpoint.position = behind[-1].position or endpoint.position
    endpoint.save(update_fields=["position"])
    return len(behind), len(made)


def _locked(rows: QuerySet[Any]) -> Any:
    skip = connection.features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=skip, of=("self",)).first()


def _tell(endpoint: int) -> tuple[int, int]:
    """Tell one endpoint what is due, until it fails; how many were told, and how many failed."""
    delivered = 0
    try:
        for _ in range(AT_A_TURN):
            taken = _take(endpoint)
            if taken is None:
                break
            if not _send(taken):
                return delivered, 1
            delivered += 1
        return delivered, 0
    finally:
        connections.close_all()


@transaction.atomic
def _take(endpoint: int) -> WebhookDelivery | None:
    """The next telling that is due, which from now on is nobody else's for the length of the lease."""
    due = WebhookDelivery.objects.due(timezone.now()).filter(endpoint=endpoint)
    found: WebhookDelivery | None = _locked(
        due.select_related("endpoint__app", "event__user").order_by("event__position")
    )
    if found is not None:
        found.attempts += 1
        found.due_at = timezone.now() + LEASE
        found.save(update_fields=["attempts", "due_at"])
    return found


def _send(delivery: WebhookDelivery) -> bool:
    """Tell it and note how that went. What its person has withdrawn meanwhile is withheld for good."""
    endpoint = delivery.endpoint
    if not Event.objects.shown_to(endpoint.app).filter(pk=delivery.event_id).exists():
        _note(delivery, status=Status.WITHHELD, error="the person does not let the app in any more")
        return True
    body = body_of(delivery.event)
    try:
        answer = webhook_targets.post(endpoint.url, body, headers_of(delivery, body, timezone.now()))
    except InvalidToken:
        return _failed(delivery, "the secret cannot be read: SECRET_KEY is another one", None)
    except NotReached as error:
        return _failed(delivery, str(error), None)
    if 200 <= answer.status < 300:
        at = timezone.now()
        _note(
            delivery, status=Status.DELIVERED, answered=answer.status, took_ms=answer.took_ms, error="", delivered_at=at
        )
        WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__isnull=False).update(failing_since=None)
        return True
    return _failed(delivery, "the answer was no 2xx", answer)


def body_of(event: Event) -> bytes:
    """The event as the feed shows it, and when it happened as Standard Webhooks calls that."""
    at = event.created_at.isoformat().replace("+00:00", "Z")
    shown = {"id": event.position, "type": event.type, "timestamp": at, "user_id": event.user.user_id}
    shown |= {"created_at": at, "data": event.data}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(delivery: WebhookDelivery, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: id, time of this attempt, and a signature by each secret in force."""
    endpoint, name = delivery.endpoint, delivery.message_id
    sealed = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > now:
        sealed.append(endpoint.old_secret)
    signed = [Webhook(unseal(each, PURPOSE)).sign(name, now, body.decode()) for each in sealed]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Unified-Webhooks/1",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def _failed(delivery: WebhookDelivery, why: str, answer: Answer | None) -> bool:
    said = {"error": why, "answered": answer and answer.status, "took_ms": answer and answer.took_ms}
    if delivery.attempts > len(PAUSES):
        _note(delivery, status=Status.FAILED, **said)
    else:
        _note(delivery, due_at=timezone.now() + timedelta(seconds=_pause(delivery.attempts, answer)), **said)
    _blame(delivery.endpoint_id, gone=answer is not None and answer.status == 410)
    return False


def _pause(attempts: int, answer: Answer | None) -> float:
    """Seconds until the next attempt, some more or less, or as many as the receiver asks for, a day at most."""
    own = PAUSES[attempts - 1] * random.uniform(0.9, 1.1)  # noqa: S311  (spreads load, guards nothing)
    asked = answer.retry_after if answer is not None and answer.retry_after else 0
    return min(LONGEST_PAUSE, max(own, asked))


def _note(delivery: WebhookDelivery, **facts: Any) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**facts)


@transaction.atomic
def _blame(pk: int, *, gone: bool) -> None:
    """Remember since when an endpoint fails, and switch off one that is gone or has failed for five days."""
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=pk)
    now = timezone.now()
    endpoint.failing_since = endpoint.failing_since or now
    if gone or now - endpoint.failing_since > GIVE_UP_AFTER:
        endpoint.is_active = False
        endpoint.disabled_because = "It answered 410 Gone." if gone else "Nothing got through for five days."
    endpoint.save(update_fields=["failing_since", "is_active", "disabled_because"])
