"""Answers a repeated request with what it answered the first time; the claim commits with the effect or not at all."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, connection, transaction

from accounts.errors import DomainError, IdempotencyInProgress, IdempotencyKeyReused, problem
from accounts.models import ClientApp, IdempotencyRecord

# Contract, section 2: a late duplicate of a refused charge must not succeed, so these refusals are kept as well.
KEPT_REFUSALS = frozenset({402, 409, 507})

Prepared = TypeVar("Prepared")

_running: set[tuple[int, str, str]] = set()
_running_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for what under which key. `path` is where, `fingerprint` is what was sent."""

    app: ClientApp
    endpoint: str
    key: str
    path: str
    fingerprint: str


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
                return _claim_and_act(claim, prepared, act)
        except _AlreadyAnswered:
            return _stored(claim) or _in_progress()


class _AlreadyAnswered(Exception):
    """Another process answered this claim between our look and our write."""


def _claim_and_act(claim: Claim, prepared: Prepared, act: Callable[[Prepared], Answer]) -> Answer:
    _lock_across_processes(claim)
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(
                app=claim.app, endpoint=claim.endpoint, key=claim.key, fingerprint=claim.fingerprint
            )
    except IntegrityError:
        raise _AlreadyAnswered from None
    try:
        with transaction.atomic():
            answer = act(prepared)
    except DomainError as error:
        if error.status not in KEPT_REFUSALS:
            raise
        answer = refusal(error, claim.path)
    record.status, record.body, record.content_type = answer.status, answer.body, answer.content_type
    record.save(update_fields=["status", "body", "content_type"])
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
    return Answer(record.status, bytes(record.body), record.content_type, replayed=True)


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
