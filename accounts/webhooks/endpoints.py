"""The addresses of apps, and what staff do with them."""

import secrets
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, feed
from accounts.models import ClientApp, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import outbox, signing, targets
from accounts.webhooks.sending import Answer, Line

new_secret = signing.new_secret
# The other columns are the runner's.
STAFFS = ("url", "types", "is_active")
TROUBLES = ("disabled_because", "failing_since", "failures", "rests_until")


def add_endpoint(*, app: ClientApp, url: str, types: Iterable[str] = ()) -> tuple[WebhookEndpoint, str]:
    """An address that is told of `types` of events (all when empty) from now on, and its secret, which is shown once.

    Raises InvalidField for an address that must not be called; that asks the network, so have no transaction open."""
    targets.check(url)
    plain = signing.new_secret()
    made = WebhookEndpoint(app=app, url=url, types=sorted(types), secret=signing.sealed(plain), position=feed.head())
    with transaction.atomic():
        made.save(force_insert=True)
        audit.record("webhook.added", about=made, said=f"Added {made}", types=made.types)
    return made, plain


def save_endpoint(*, endpoint: WebhookEndpoint) -> None:
    """Keep what staff changed of an address that the caller has checked, and nothing that a runner keeps there.

    One that is active again begins without a record, and is told what it missed, up to 30 days back."""
    if endpoint.is_active:
        endpoint.disabled_because, endpoint.failing_since = "", None
        endpoint.failures, endpoint.rests_until = 0, None
    endpoint.save(update_fields=[*STAFFS, *TROUBLES])


@transaction.atomic
def rotate_secret(*, endpoint: WebhookEndpoint) -> str:
    """A new secret, shown once; for a day the one before signs as well."""
    kept = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    plain = signing.new_secret()
    kept.old_secret, kept.old_secret_until = kept.secret, timezone.now() + signing.OLD_SECRET_FOR
    kept.secret = signing.sealed(plain)
    kept.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return plain


def send_test(*, endpoint: WebhookEndpoint) -> Answer:
    """Tell an address something about nobody, once and now, and return how it answered. Not inside a transaction."""
    body = outbox.body_of_test()
    try:
        headers = signing.headers_of(endpoint, f"test_{secrets.token_hex(8)}", body, timezone.now())
    except InvalidToken:
        return Answer(None, signing.LOST, 0)
    with closing(Line(endpoint.url)) as line:
        return line.post(body, headers)


def replay_failed(*, endpoint: WebhookEndpoint, since: datetime | None = None) -> int:
    """Replay what was given up of an endpoint, all of it or what was to be told first after `since`."""
    failed = WebhookDelivery.objects.failed().filter(endpoint=endpoint)
    return replay(failed if since is None else failed.filter(created_at__gte=since))


@transaction.atomic
def replay(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Send these once more, from the first attempt on, and return how many they are.

    What is being sent at the moment is sent again as well. Whether the app may still know is looked at then."""
    chosen = list(deliveries.values_list("pk", "endpoint"))
    # The endpoint before its deliveries, as the runner locks them.
    WebhookEndpoint.objects.filter(pk__in={endpoint for _, endpoint in chosen}).update(rests_until=None)
    status = WebhookDelivery.Status.PENDING
    fresh = {"status": status, "attempts": 0, "due_at": timezone.now(), "error": "", "delivered_at": None}
    return WebhookDelivery.objects.filter(pk__in=[pk for pk, _ in chosen]).update(**fresh)
