"""Every POST that writes, for tests that hold for all of them: what to send, and another body for the same key."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unified.urls import api

# The first answers without writing anything; the second is no app's, and heard once per event.
NOT_KEYED = frozenset({"estimate", "stripe/webhook"})

Json = dict[str, Any]
Post = Callable[[str, Json], Json]


@dataclass(frozen=True)
class Write:
    """A request that succeeds, and the change that makes another request of it."""

    path: str
    body: Json
    change: Json

    @property
    def other(self) -> Json:
        return {**self.body, **self.change}


def routes() -> list[str]:
    """The POST routes of the URL table that write, with <names> for what varies in them."""
    posts = [str(url.pattern) for url in api if "post" in getattr(url.callback, "actions", {})]
    names = [re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", pattern).strip("^/?$") for pattern in posts]
    return sorted(set(names) - NOT_KEYED)


def _hold(post: Post) -> str:
    return str(post("holds", {"user_id": "alice", "app_name": "penora", "amount": 3})["hold_id"])


def _project(post: Post, **more: Any) -> str:
    return str(post("save-project", {**TEXT, **more})["project_code"])


def _trashed(post: Post) -> str:
    code = _project(post)
    post("projects/delete", {**ALICE, "project_codes": [code]})
    return code


def _rewritten(post: Post) -> str:
    code = _project(post)
    _project(post, project_code=code, content="Somebody sleeps.")
    return code


def _charge(post: Post) -> str:
    body = {"user_id": "alice", "app_name": "penora", "amount": 3, "description": "A page"}
    return str(post("deduct-credits", body)["transaction_id"])


ALICE: Json = {"user_id": "alice"}
PAID: Json = {**ALICE, "app_name": "penora", "amount": 2}
BATCH: Json = {"charges": [{**PAID, "key": "page-1"}, {**PAID, "user_id": "bob", "key": "page-2"}]}
TEXT: Json = {**ALICE, "app_source": "penora", "project_type": "text", "title": "Night", "content": "Nobody sleeps."}
LOOSE: Json = {"content": "Nobody sleeps on the night train. " * 60, "compression": "none"}
RITA: Json = {"user_id": "rita", "username": "Rita", "email": "rita@example.com"}
PARTY: Json = {"user_ids": ["alice", "bob"], "amount": 2, "reason": "Party"}

# Each is given what makes, beforehand, the things it needs.
CASES: dict[str, Callable[[Post], Write]] = {
    "create-user": lambda _: Write("create-user", RITA, {"username": "Rita Two"}),
    "deduct-credits": lambda _: Write("deduct-credits", PAID, {"amount": 3}),
    "deduct-credits/batch": lambda _: Write("deduct-credits/batch", BATCH, {"atomic": True}),
    "save-project": lambda _: Write("save-project", {**TEXT, "charge": {"amount": 1}}, {"title": "Day"}),
    "give-bonus-credits": lambda _: Write("give-bonus-credits", PARTY, {"reason": "Sorry"}),
    "projects/delete": lambda post: Write(
        "projects/delete", {**ALICE, "project_codes": [_project(post)]}, {"permanent": True}
    ),
    "projects/compress": lambda post: Write(
        "projects/compress", {**ALICE, "project_codes": [_project(post, **LOOSE)]}, {"project_codes": ["ABC234"]}
    ),
    "projects/restore": lambda post: Write(
        "projects/restore", {**ALICE, "project_codes": [_trashed(post)]}, {"project_codes": ["ABC234"]}
    ),
    "project/<code>/versions/<number>/restore": lambda post: Write(
        f"project/{_rewritten(post)}/versions/1/restore", ALICE, {"user_id": "bob"}
    ),
    "checkout": lambda _: Write("checkout", {**ALICE, "package_id": "starter"}, {"package_id": "plus"}),
    "login-link": lambda _: Write("login-link", ALICE, {"user_id": "bob"}),
    "holds": lambda _: Write("holds", {**PAID, "storage_bytes": 100}, {"ttl_seconds": 60}),
    "hold/<hold_id>/capture": lambda post: Write(
        f"hold/{_hold(post)}/capture", {**ALICE, "amount": 1, "final": False}, {"final": True}
    ),
    "hold/<hold_id>/release": lambda post: Write(f"hold/{_hold(post)}/release", ALICE, {"user_id": "bob"}),
    "hold/<hold_id>/extend": lambda post: Write(
        f"hold/{_hold(post)}/extend", {**ALICE, "ttl_seconds": 1200}, {"ttl_seconds": 1300}
    ),
    "transaction/<transaction_id>/refund": lambda post: Write(
        f"transaction/{_charge(post)}/refund", {**ALICE, "amount": 1, "reason": "Blank"}, {"amount": 2}
    ),
}


def write_of(route: str, post: Post) -> Write:
    """The request for `route`."""
    assert route in CASES, f"POST {route} writes and has no case here: every write must honour an Idempotency-Key"
    return CASES[route](post)
