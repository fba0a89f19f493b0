"""Tells each endpoint what is due, at least once: one runner has its turn, and loses it when its lease ends.

Messages to an endpoint go out one behind the other. One that fails is tried again after pauses that grow; an endpoint
that keeps failing is left alone in between, and switched off in the end. Runners take the endpoint that has waited
longest, so that a slow one keeps one runner busy for a turn and nobody else waiting."""

import random
import secrets
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import audit, feed
from accounts.exporting import let_go
from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.webhooks import outbox, signing
from accounts.webhooks.sending import Answer, Line

# The pauses that Standard Webhooks suggests, in seconds; three days and a bit in all.
PAUSES = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
LONGEST_PAUSE = 86_400
# An endpoint that fails several times in a row is tried this seldom at most, in seconds.
LONGEST_REST = 300
GIVE_UP_AFTER = timedelta(days=5)
# Far longer than an attempt with the waits for the database around it.
LEASE = timedelta(seconds=60)
# Then another endpoint has its turn; and then whoever was told to end may do so.
TURN_SECONDS, ROUND_SECONDS = 10.0, 30.0
LATEST = 20
GONE = 410
Status = WebhookDelivery.Status


@dataclass(slots=True)
class Tally:
    """What one round did."""

    queued: int = 0
    delivered: int = 0
    failed: int = 0
    withheld: int = 0


def deliver(for_seconds: float = ROUND_SECONDS) -> Tally:
    """Tell what is due until nothing is, or the time is up. Several runners may do so at once, in any process."""
    tally, ends = Tally(), time.monotonic() + for_seconds
    while (endpoint := take()) is not None:
        serve(endpoint, tally)
        if time.monotonic() >= ends:
            break
    return tally


def take() -> WebhookEndpoint | None:
    """The endpoint that has waited longest, which from now on is nobody else's for the length of the lease."""
    if not WebhookEndpoint.objects.on().exists():
        return None
    head, now = feed.head(), timezone.now()
    waiting = WebhookEndpoint.objects.waiting(now, head).order_by(F("turn_at").asc(nulls_first=True), "pk")
    for found in waiting.select_related("app"):
        found.lease, found.leased_until, found.turn_at = secrets.token_hex(8), now + LEASE, now
        ours = {"lease": found.lease, "leased_until": found.leased_until, "turn_at": now}
        if WebhookEndpoint.objects.free(now).filter(pk=found.pk, is_active=True).update(**ours):
            return found
    return None


def serve(endpoint: WebhookEndpoint, tally: Tally) -> None:
    """The turn of an endpoint whose lease the caller has: until nothing is due, something fails or its time is up."""
    ends = time.monotonic() + TURN_SECONDS
    tally.queued += outbox.queue(endpoint)
    with closing(Line(endpoint.url)) as line:
        while (delivery := _next(endpoint)) is not None and _begin(endpoint, delivery):
            if not _tell(endpoint, delivery, line, tally) or time.monotonic() >= ends:
                break
    _held(endpoint).update(lease="", leased_until=None)


def _held(endpoint: WebhookEndpoint) -> QuerySet[WebhookEndpoint]:
    """The endpoint's row, as long as its turn is ours."""
    return WebhookEndpoint.objects.filter(pk=endpoint.pk, lease=endpoint.lease)


def _next(endpoint: WebhookEndpoint) -> WebhookDelivery | None:
    # Written down in the order of the feed, so their keys are in it.
    due = WebhookDelivery.objects.due(timezone.now()).filter(endpoint=endpoint)
    return due.select_related("event__user").order_by("pk").first()


@transaction.atomic
def _begin(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> bool:
    """Renew the lease and count the attempt before it is made: one that kills its process counts, too."""
    if not _held(endpoint).filter(is_active=True).update(leased_until=timezone.now() + LEASE):
        return False
    delivery.attempts += 1
    as_seen = WebhookDelivery.objects.filter(pk=delivery.pk, status=Status.PENDING, attempts=delivery.attempts - 1)
    return bool(as_seen.update(attempts=delivery.attempts))


def _tell(endpoint: WebhookEndpoint, delivery: WebhookDelivery, line: Line, tally: Tally) -> bool:
    """Make one attempt and note how it went; whether the next may follow. What its person has withdrawn meanwhile is
    withheld for good."""
    if not outbox.may_know(delivery, endpoint):
        _note(delivery, status=Status.WITHHELD, error="the person does not let the app in any more")
        tally.withheld += 1
        return True
    now, body = timezone.now(), outbox.body_of(delivery.event)
    try:
        headers = signing.headers_of(endpoint, delivery.message_id, body, now)
    except InvalidToken:
        answer = Answer(None, signing.LOST, 0)
    else:
        # Nobody's request shall want for the connection that waits here.
        let_go()
        answer = line.post(body, headers)
    _settle(endpoint, delivery, now, answer)
    tally.delivered += answer.accepted
    tally.failed += not answer.accepted
    return answer.accepted


@transaction.atomic
def _settle(endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime, answer: Answer) -> None:
    said = {"at": now.isoformat(), "status": answer.status, "error": answer.error, "ms": answer.took_ms}
    facts = {"answered": answer.status, "error": answer.error, "took_ms": answer.took_ms}
    history = [*delivery.history, said][-LATEST:]
    if answer.accepted:
        _praise(endpoint)
        _note(delivery, status=Status.DELIVERED, delivered_at=timezone.now(), history=history, **facts)
        return
    _blame(endpoint, answer)
    if delivery.attempts > len(PAUSES):
        _note(delivery, status=Status.FAILED, history=history, **facts)
        return
    due_at = timezone.now() + timedelta(seconds=_pause(delivery.attempts, answer))
    _note(delivery, due_at=due_at, history=history, **facts)


def _note(delivery: WebhookDelivery, **facts: object) -> None:
    """Only if it was not begun or replayed again meanwhile: then what comes of that counts."""
    WebhookDelivery.objects.filter(pk=delivery.pk, status=Status.PENDING, attempts=delivery.attempts).update(**facts)


def _pause(attempts: int, answer: Answer) -> float:
    """Seconds until the next attempt, some more or less, or as many as the receiver asks for, a day at most."""
    return min(LONGEST_PAUSE, max(_spread(PAUSES[attempts - 1]), answer.retry_after))


def _rest(failures: int) -> float:
    # A single message that is not wanted holds up no other.
    return 0 if failures == 1 else _spread(min(LONGEST_REST, PAUSES[0] * 2 ** min(failures - 2, 16)))


def _spread(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311  (spreads load, guards nothing)


def _praise(endpoint: WebhookEndpoint) -> None:
    if endpoint.failing_since is not None:
        endpoint.failures, endpoint.failing_since = 0, None
        _held(endpoint).update(failures=0, failing_since=None, rests_until=None)


def _blame(endpoint: WebhookEndpoint, answer: Answer) -> None:
    """Remember since when an endpoint fails and leave it alone for a while; for good, when it is gone or has failed for
    five days."""
    now = timezone.now()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    until = now + timedelta(seconds=max(_rest(endpoint.failures), answer.retry_after))
    _held(endpoint).update(failures=endpoint.failures, failing_since=endpoint.failing_since, rests_until=until)
    if answer.status == GONE:
        _switch_off(endpoint, "It answered 410 Gone.")
    elif now - endpoint.failing_since > GIVE_UP_AFTER:
        _switch_off(endpoint, "Nothing got through for five days.")


def _switch_off(endpoint: WebhookEndpoint, why: str) -> None:
    if _held(endpoint).filter(is_active=True).update(is_active=False, disabled_because=why):
        audit.record("webhook.switched_off", about=endpoint, said=why)
