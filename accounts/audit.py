"""The audit log: what staff did and what happened to keys, in one chain of rows that only grows.

Written in the transaction of the deed, so that neither is there without the other."""

import json
import logging
import secrets
from functools import partial

from django.db import transaction
from django.db.models import Model

from accounts import asking
from accounts.chain import digest_of, erased, link
from accounts.models import AuditEntry, AuditHead, User
from accounts.redaction import redact

logger = logging.getLogger(__name__)


@transaction.atomic
def record(
    action: str, *, about: Model | None = None, person: User | None = None, by: User | None = None, **facts: object
) -> AuditEntry:
    """Note that `action` ("key.issued") was done to the row `about`, with `facts` that JSON can say.

    `by` is whose session this request belongs to unless told; nobody in a command. `person` is whom it concerns, by
    default `about` itself when that is a person: what the entry says is erased when they close their account. Call it
    last in a transaction, for until that ends everybody else's entries wait."""
    head, _ = AuditHead.objects.select_for_update().get_or_create(pk=1)
    entry = AuditEntry(
        id=head.last_id + 1,
        action=action,
        actor=by or asking.person(),
        kind=about._meta.label_lower if about else "",
        object_id=str(about.pk) if about else "",
        person=person or (about if isinstance(about, User) else None),
        request_id=asking.request_id(),
        details=_written(facts),
    )
    entry.hash = chained(head.hash, entry)
    entry.save(force_insert=True)
    head.last_id, head.hash = entry.pk, entry.hash
    head.save()
    transaction.on_commit(partial(_tell, entry))
    return entry


def chained(previous: str, entry: AuditEntry) -> str:
    """The hash of `entry` behind `previous`. Of the details it takes the digest, so that they can be erased."""
    said = (entry.pk, entry.action, entry.actor_id, entry.kind, entry.object_id, entry.person_id, entry.request_id)
    return link(previous, *map(str, said), digest_of(entry.details), entry.created_at.isoformat())


def erase(person: User) -> None:
    """Erase what entries about `person` say, now that they leave. That there was something done stays, and when."""
    for entry in AuditEntry.objects.filter(person=person).iterator():
        AuditEntry.objects.filter(pk=entry.pk).update(details=erased(entry.details))


def _written(facts: dict[str, object]) -> str:
    # Random, so that short facts cannot be found again from the digest that outlives them.
    said = {"address": asking.address(), **facts, "salt": secrets.token_hex(16)}
    return json.dumps({name: _clean(value) for name, value in said.items()}, ensure_ascii=False)


def _clean(value: object) -> object:
    """As JSON can say it, without secrets."""
    if isinstance(value, dict):
        return {str(name): _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int) else redact(str(value))


def _tell(entry: AuditEntry) -> None:
    """Say it in the server's log as well: whoever keeps that elsewhere can tell a log that was made anew."""
    what = (entry.pk, entry.action, entry.kind, entry.object_id, entry.actor_id or "-", entry.hash)
    logger.info("audit entry %s: %s %s %s by %s, %s", *what)
