"""Answers a repeated request with what it answered the first time; the claim commits with the effect or not at all."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import sql
from accounts.errors import DomainError, IdempotencyAnswerGone, IdempotencyInProgress, IdempotencyKeyReused, problem
from accounts.models import ClientApp, IdempotencyRecord

# Contract, section 2: a late duplicate of a refused charge must not succeed, so these refusals are kept as well.
KEPT_REFUSALS = frozenset({402, 409, 507})
KEPT = timedelta(days=30)  # at least, says the contract

COLUMNS = ("app_id", "endpoint", "key", "fingerprint", "user_id", "status", "content_type", "body", "created_at")

Prepared = TypeVar("Prepared")

_running: set[tuple[int, str, str]] = set()
_running_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for what under which key: `path` is where, `fingerprint` what was sent, `user_id` whom it is about."""

    app: ClientApp
    endpoint: str
    key: str
    path: str
    fingerprint: str
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, byte for byte."""

    status: int
    body: bytes
    content_type: str = "application/json"
    replayed: bool = False


def fingerprint(path: str, data: Any) -> str:
    """A digest of what was asked: the path, and the parsed body with every file's content."""
    text = json.dumps(_plain(data), sort_keys=True, ensure_ascii=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()


def _plain(data: Any) -> Any:
    if hasattr(data, "lists"):
        return {name: [_plain(value) for value in values] for name, values in data.lists()}
    if isinstance(data, UploadedFile):
        digest = hashlib.sha256()
        for chunk in data.chunks():
            digest.update(chunk)
        data.seek(0)
        return {"file": digest.hexdigest()}
    return data


def once(claim: Claim, *, prepare: Callable[[], Prepared], act: Callable[[Prepared], Answer]) -> Answer:
    """Run `act` at most once for this claim and keep its answer; a repeat gets that answer again.

    `prepare` runs first, outside the transaction. Raises IdempotencyKeyReused when the key came with another body,
    IdempotencyInProgress while the first request is still running. A refusal outside KEPT_REFUSALS is not kept."""
    stored = _stored(claim)
    if stored is not None:
        return stored
    with _alone(claim):
        prepared = prepare()
        try:
            with transaction.atomic():
                record = _take(claim)
                return _keep(record, act(prepared))
        except _AlreadyAnswered:
            return _stored(claim) or _in_progress()
        except DomainError as error:
            return _kept_refusal(claim, error)


class _AlreadyAnswered(Exception):
    """Another process answered this claim between our look and our write."""


def _kept_refusal(claim: Claim, error: DomainError) -> Answer:
    """What was done is undone; the refusal takes a transaction of its own, in which nothing else is written."""
    if error.status not in KEPT_REFUSALS:
        raise error
    try:
        with transaction.atomic():
            return _keep(_take(claim), refusal(error, claim.path))
    except _AlreadyAnswered:
        return _stored(claim) or _in_progress()


def _take(claim: Claim) -> int:
    """Write the claim down, until the transaction ends for nobody but us; its row's key."""
    _lock_across_processes(claim)
    row = (claim.app.pk, claim.endpoint, claim.key, claim.fingerprint, claim.user_id, 0, "", b"", timezone.now())
    ((text, values),) = sql.insert(IdempotencyRecord, COLUMNS, [row])
    (made,) = sql.read((f"{text} ON CONFLICT DO NOTHING RETURNING id", values))
    if not made:
        raise _AlreadyAnswered
    return int(made[0][0])


def _keep(record: int, answer: Answer) -> Answer:
    """Write down what the claim was answered, as the last thing of its transaction."""
    changes = "UPDATE accounts_idempotencyrecord SET status = %s, body = %s, content_type = %s WHERE id = %s"
    sql.write((changes, [answer.status, answer.body, answer.content_type, record]), last=True)
    return answer


def refusal(error: DomainError, path: str) -> Answer:
    """A refusal as it goes over the wire."""
    body = json.dumps(problem(error, path), cls=DjangoJSONEncoder).encode()
    return Answer(error.status, body, "application/problem+json")


def _stored(claim: Claim) -> Answer | None:
    record = IdempotencyRecord.objects.filter(app=claim.app, endpoint=claim.endpoint, key=claim.key).first()
    if record is None:
        return None
    if record.fingerprint != claim.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another request; a new attempt takes a new key.")
    if not record.content_type:
        raise IdempotencyAnswerGone("This request was answered before; its answer is no longer kept. Nothing was done.")
    return Answer(record.status, bytes(record.body), record.content_type, replayed=True)


def prune() -> int:
    """Let go of the answers older than 30 days and return how many; their keys stay taken."""
    return _let_go(IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT))


def forget(user_id: str) -> int:
    """Let go of every answer that says something about this person, and return how many; their keys stay taken."""
    named = f'"user_id":"{user_id}"'.encode()
    shared = IdempotencyRecord.objects.filter(user_id="").exclude(content_type="").iterator(100)
    several = [record.pk for record in shared if named in bytes(record.body)]
    own = IdempotencyRecord.objects.filter(user_id=user_id)
    count = _let_go(own) + _let_go(IdempotencyRecord.objects.filter(pk__in=several))
    own.update(user_id="")
    return count


def _let_go(records: QuerySet[IdempotencyRecord]) -> int:
    return records.exclude(content_type="").update(body=b"", content_type="")


def _in_progress() -> Answer:
    raise IdempotencyInProgress(
        "The first request with this Idempotency-Key is still running.", headers={"Retry-After": "1"}
    )


@contextmanager
def _alone(claim: Claim) -> Iterator[None]:
    """Within this process, the only one at work on this claim."""
    name = (claim.app.pk, claim.endpoint, claim.key)
    with _running_guard:
        if name in _running:
            _in_progress()
        _running.add(name)
    try:
        yield
    finally:
        with _running_guard:
            _running.discard(name)


def _lock_across_processes(claim: Claim) -> None:
    """On PostgreSQL, refuse rather than wait for another process; SQLite lets one transaction write at a time."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        name = f"idempotency/{claim.app.pk}/{claim.endpoint}/{claim.key}"
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            _in_progress()
