"""One HTTP exchange with retries: the same key on every attempt, back-off with jitter, Retry-After honoured."""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from unified_client.errors import ConnectionFailed, UnifiedError, from_problem

Json = dict[str, Any]
USER_AGENT = "unified-client/1.0.0 (python)"


@dataclass(frozen=True)
class Retry:
    """How stubborn a call is. Waits are seconds; a Retry-After above `longest_wait` is an error at once, not a nap."""

    attempts: int = 5
    first_wait: float = 0.25
    longest_wait: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait_before(self, attempt: int, asked_for: float | None) -> float:
        """Full-jitter back-off before retry number `attempt` (1, 2, …), never less than the server asked for."""
        ceiling = min(self.longest_wait, self.first_wait * 2.0**attempt)
        jittered = random.uniform(ceiling / 2, ceiling)
        return jittered if asked_for is None else asked_for + random.uniform(0, self.first_wait)


@dataclass(frozen=True)
class Request:
    """`repeatable`: doing it twice leaves the same state, so a lost or failed answer may be asked for again."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    repeatable: bool = True

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def parsed(self) -> object:
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            return None


Outcome = TypeVar("Outcome", Json, bytes)
# What to make of the body of a 2xx answer; None when it cannot be.
Reader = Callable[[Answer], Outcome | None]


def _parsed(answer: Answer) -> Json | None:
    parsed = answer.parsed()
    return parsed if isinstance(parsed, dict) else None


def _untouched(answer: Answer) -> bytes:
    return answer.body


class Transport:
    """Talks to one server. Follows no redirects: the key must not travel to another host, nor a POST become a GET."""

    def __init__(self, base_url: str, timeout: float, retry: Retry) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"base_url must be an http(s) URL, not {base_url!r}")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._retry = retry

    def send(self, request: Request) -> Json:
        """The parsed body of a 2xx answer; raises UnifiedError for every other outcome."""
        return self._done(request, _parsed)

    def fetch(self, request: Request) -> bytes:
        """The body of a 2xx answer as it is; raises UnifiedError for every other outcome."""
        return self._done(request, _untouched)

    def _done(self, request: Request, read: Reader[Outcome]) -> Outcome:
        attempt = 0
        while True:
            attempt += 1
            outcome, asked_for = self._attempt(request, read)
            if not isinstance(outcome, UnifiedError):
                return outcome
            if not self._worth_another(request, outcome, attempt, asked_for):
                raise outcome
            self._retry.sleep(self._retry.wait_before(attempt, asked_for))

    def _attempt(self, request: Request, read: Reader[Outcome]) -> tuple[Outcome | UnifiedError, float | None]:
        try:
            answer = self._exchange(request)
        except ssl.SSLCertVerificationError as failure:
            return UnifiedError(0, "certificate_refused", str(failure), idempotency_key=request.key), None
        except (OSError, http.client.HTTPException) as failure:
            detail = f"No answer from {self._host}: {str(failure) or type(failure).__name__}"
            return ConnectionFailed(0, "connection_failed", detail, idempotency_key=request.key), None
        return self._read(request, answer, read), retry_after(answer.headers.get("Retry-After"))

    def _exchange(self, request: Request) -> Answer:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(request.method, self._prefix + request.path, request.body, dict(request.headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def _read(self, request: Request, answer: Answer, read: Reader[Outcome]) -> Outcome | UnifiedError:
        if not 200 <= answer.status < 300:
            return from_problem(answer.status, answer.parsed(), idempotency_key=request.key)
        outcome = read(answer)
        if outcome is None:
            detail = "The server's answer is not the JSON object it should be."
            return ConnectionFailed(answer.status, "unreadable_answer", detail, idempotency_key=request.key)
        return outcome

    def _worth_another(self, request: Request, error: UnifiedError, attempt: int, asked_for: float | None) -> bool:
        if attempt >= self._retry.attempts or (asked_for or 0) > self._retry.longest_wait:
            return False
        if error.code == "idempotency_in_progress":
            return True
        if error.status == 429:
            return error.code != "spending_cap_reached"
        if error.status == 503:
            return True
        return request.repeatable and (isinstance(error, ConnectionFailed) or error.status in {500, 502, 504})


def retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header, which is a number or an HTTP date; None when absent or unreadable."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
