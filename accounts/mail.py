"""Email outside of transactions: decided on in one, sent after it by whoever finds it due, at least once.

A mail is sent twice only when the process dies between the mail server's answer and the row's end; it then has the same
Message-ID, by which mailboxes tell the second from a new one. None is lost: what was not handed over is tried again."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import sql
from accounts.models import Mail

# Nobody else takes a mail while its sender may still be at work; after a failure the pause doubles.
LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 12  # the last one almost three days after the first

logger = logging.getLogger(__name__)


# Whom it is for, by their row's key, the template, and what that is rendered with.
Letter = tuple[int, str, dict[str, Any]]


def queueing(letters: Sequence[Letter]) -> list[sql.Statement]:
    """The statements that decide, inside the write's transaction, that each of `letters` is sent."""
    now = timezone.now()
    columns = ("user_id", "template", "data", "created_at", "due_at", "attempts")
    return sql.insert(Mail, columns, [(*letter, now, now, 0) for letter in letters])


def deliver() -> int:
    """Send every mail that is due and return how many went out. Several processes may do so at once."""
    sent = 0
    while _due().exists() and (mail := _take()) is not None:
        sent += _send(mail)
    return sent


def _due() -> QuerySet[Mail]:
    return Mail.objects.filter(due_at__lte=timezone.now(), attempts__lt=MAX_ATTEMPTS)


@transaction.atomic
def _take() -> Mail | None:
    """The next mail that is due, which from now on is nobody else's for the length of the lease."""
    free = _due().select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked, of=("self",))
    found = free.select_related("user").order_by("due_at", "id").first()
    if found is not None:
        found.due_at = timezone.now() + LEASE * 2**found.attempts
        found.attempts += 1
        found.save(update_fields=["due_at", "attempts"])
    return found


def _send(mail: Mail) -> bool:
    if mail.user.is_active:
        try:
            _message(mail).send()
        except OSError as error:  # smtplib's errors are OSErrors, too
            logger.warning("Mail %s was not sent (attempt %s): %s", mail.pk, mail.attempts, type(error).__name__)
            return False
    mail.delete()
    return mail.user.is_active


def _message(mail: Mail) -> EmailMessage:
    host = urlsplit(settings.PUBLIC_URL).hostname
    context = {**mail.data, "user": mail.user, "url": settings.PUBLIC_URL}
    subject = " ".join(render_to_string(f"{mail.template}_subject.txt", context).split())
    return EmailMessage(
        subject,
        render_to_string(f"{mail.template}.txt", context),
        to=[mail.user.email],
        headers={"Message-ID": f"<unified-{mail.pk}-{mail.created_at:%Y%m%d%H%M%S}@{host}>"},
    )
