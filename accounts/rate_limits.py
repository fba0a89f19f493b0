"""How often one caller may ask: exact counts per window of time, shared by everybody who counts in the same cache.

One process counts exactly in its own memory; several workers do so on Redis, whose increments are atomic."""

import hashlib
import ipaddress
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.access_tokens import AccessToken
from accounts.errors import DomainError
from accounts.models import ApiKey

logger = logging.getLogger(__name__)


class RateLimited(DomainError):
    """Too many calls in this window. Nothing was done."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` calls in each window of `seconds`; windows are the same for everybody and do not slide."""

    name: str
    quota: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: `used` calls of the policy's quota, in a window that ends in `resets_in` seconds."""

    policy: Policy
    used: int
    resets_in: int

    @property
    def left(self) -> int:
        return max(0, self.policy.quota - self.used)


def policy(name: str) -> Policy:
    """The policy `name` as RATE_LIMITS sets it."""
    return Policy(name, *settings.RATE_LIMITS[name])


def spend(request: Any, name: str, who: object) -> None:
    """Count one call of `who` against the policy `name`, and have the answer say how many are left.

    Raises RateLimited past the quota. A cache that is away lets the call pass: a limit guards the service, it is not
    worth an outage of its own."""
    request = getattr(request, "_request", request)
    try:
        standing = count(policy(name), who)
    except (RedisError, OSError):
        logger.exception("Rate limits are off: the cache does not answer")
        return
    standings(request).append(standing)
    if standing.used > standing.policy.quota:
        raise RateLimited(
            f"At most {standing.policy.quota} calls in {standing.policy.seconds} seconds.",
            headers={"Retry-After": str(standing.resets_in)},
        )


def count(limit: Policy, who: object) -> Standing:
    """Add one to what `who` has used in the current window."""
    now = time.time()
    window, into = divmod(now, limit.seconds)
    digest = hashlib.sha256(str(who).encode()).hexdigest()
    name = f"rate/{limit.name}/{digest}/{int(window)}"
    # A window outlives its end by one length, so that no clock difference between workers opens it twice.
    cache.add(name, 0, timeout=2 * limit.seconds)
    return Standing(limit, cache.incr(name), math.ceil(limit.seconds - into))


def standings(request: HttpRequest) -> list[Standing]:
    """What this request was counted against so far."""
    found: list[Standing] = request.__dict__.setdefault("rate_standings", [])
    return found


def address(request: HttpRequest) -> str:
    """Where a request comes from, behind as many proxies as TRUSTED_PROXIES says; of IPv6 its /64."""
    found = ipaddress.ip_address(get_adapter().get_client_ip(request))
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def refuse_strangers(request: Any) -> None:
    """Count a call that did not say, or not prove, who is calling; such calls are limited by their address."""
    request = getattr(request, "_request", request)
    spend(request, "address", address(request))


class CallerRate(BaseThrottle):
    """Limits every call by its app's key, or by the person when it comes with their token or from their browser."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            spend(request, "key", request.auth.pk)
        elif isinstance(request.auth, AccessToken):
            spend(request, "user", f"{request.auth.app_id}/{request.auth.user.pk}")
        elif request.user.is_authenticated:
            spend(request, "user", request.user.pk)
        else:  # OPTIONS, or a method that is not there: nobody is asked who they are
            refuse_strangers(request)
        return True


class RateLimitMiddleware:
    """Tells the caller of each limit that was counted: the policy, what is left and when the window ends.

    Header fields as in the IETF's draft-ietf-httpapi-ratelimit-headers-10."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        counted = standings(request)
        if counted:
            policies = (f'"{of.policy.name}";q={of.policy.quota};w={of.policy.seconds}' for of in counted)
            response["RateLimit-Policy"] = ", ".join(policies)
            response["RateLimit"] = ", ".join(f'"{of.policy.name}";r={of.left};t={of.resets_in}' for of in counted)
        return response
