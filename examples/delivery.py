"""Pay on delivery: how both example programs meet Unified, one sentence per step.

The order is the safe one: ask whether the user can afford it, make the thing, then save and pay in one call. Nothing
that fails on the way costs anything, and work that could not be delivered is kept in a local file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unified_client import (
    BadRequest,
    Client,
    ConnectionFailed,
    InsufficientCredits,
    NotFound,
    ServerFault,
    UnifiedError,
    WorkspaceFull,
)
from unified_client.answers import Charge, ProjectType

OK, OTHER, REFUSED = 0, 1, 2


class GenerationFailed(Exception):
    """The work itself went wrong, before anything was paid."""


@dataclass(frozen=True)
class Piece:
    """Something made: what to save, and under which file name to keep it if it cannot be delivered."""

    title: str
    content: str | bytes
    metadata: dict[str, Any]
    file_name: str
    sentence: str


@dataclass(frozen=True)
class Order:
    """One piece of work: what it costs in the price book, and how to make it."""

    operation: str
    quantity: int
    description: str
    make: Callable[[], Piece]


class Parser(argparse.ArgumentParser):
    """argparse, but a usage error exits 1: 2 means that Unified refused."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        self.exit(OTHER, f"{self.prog}: {message}\n")


class Reporter:
    """Says each step as a sentence, or with `as_json` as one JSON object per line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def say(self, step: str, sentence: str, **facts: Any) -> None:
        print(json.dumps({"step": step, **facts}, ensure_ascii=False) if self._as_json else sentence, flush=True)


def parser(name: str, purpose: str) -> Parser:
    """The options both programs share."""
    made = Parser(prog=name, description=purpose, epilog="Exit codes: 0 done, 2 Unified refused, 1 anything else.")
    made.add_argument("--base-url", default=os.environ.get("UNIFIED_URL"), help="where Unified runs (or UNIFIED_URL)")
    made.add_argument("--key", default=os.environ.get("UNIFIED_KEY"), help="this app's key (or UNIFIED_KEY)")
    made.add_argument("--user", required=True, help="the user's id")
    made.add_argument("--create", action="store_true", help="create (or update) the user first; needs --email")
    made.add_argument("--username", help="display name for --create (the user's id when left out)")
    made.add_argument("--email", help="email for --create")
    made.add_argument("--prompt", help="what to make")
    made.add_argument("--title", help="the project's title")
    made.add_argument("--batch", type=Path, metavar="FILE", help="a JSON list of works to make, one after another")
    made.add_argument("--keep-in", type=Path, default=Path(), metavar="DIR", help="where undelivered work is kept")
    made.add_argument("--fail", action="store_true", help="make the generation fail, to see that nothing is paid")
    made.add_argument("--json", action="store_true", help="one JSON object per step instead of sentences")
    return made


def works(options: argparse.Namespace, complain: Parser, single: dict[str, Any]) -> list[dict[str, Any]]:
    """The works asked for, by --batch or by `single`'s options; exits with a usage error when there are none."""
    if not options.base_url or not options.key:
        complain.error("--base-url and --key (or UNIFIED_URL and UNIFIED_KEY) are needed")
    if options.create and not options.email:
        complain.error("--create needs --email")
    if options.batch is None:
        if not options.prompt:
            complain.error("--prompt or --batch is needed")
        return [single]
    try:
        listed = json.loads(options.batch.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        complain.error(f"--batch cannot be read: {failure}")
    if not isinstance(listed, list) or not all(isinstance(work, dict) and work.get("prompt") for work in listed):
        complain.error('--batch must hold a list of {"prompt": …} objects')
    return [single | {"title": None} | work for work in listed]


def run(options: argparse.Namespace, app: str, project_type: ProjectType, orders: Sequence[Order]) -> int:
    """Make and deliver every order; stops at the first refusal. Returns the exit code."""
    say = Reporter(options.json)
    try:
        client = Client(options.base_url, options.key)
        shop = _Counter(client, options.user, app, project_type, options.keep_in, say)
        if options.create:
            shop.welcome(options.username or options.user, options.email)
        for order in orders:
            shop.serve(order)
    except GenerationFailed as failure:
        say.say("failed", f"The generation failed ({failure}). Nothing was paid.", detail=str(failure), paid=0)
        return OTHER
    except UnifiedError as refusal:
        return _explain(refusal, say)
    except ValueError as failure:
        say.say("failed", str(failure), detail=str(failure), paid=0)
        return OTHER
    return OK


class _Counter:
    """One user being served by one app."""

    def __init__(
        self, client: Client, user: str, app: str, project_type: ProjectType, keep_in: Path, reporter: Reporter
    ) -> None:
        self._client, self._user, self._app, self._type = client, user, app, project_type
        self._keep_in, self._say = keep_in, reporter.say

    def welcome(self, username: str, email: str) -> None:
        info = self._client.create_user(self._user, username, email)
        sentence = f"{info['username']} is known to Unified and has {info['credits']} credits."
        self._say("user", sentence, user_id=self._user, credits=info["credits"])

    def serve(self, order: Order) -> None:
        self._check(order)
        piece = order.make()
        self._say("made", piece.sentence, title=piece.title, **piece.metadata)
        self._deliver(order, piece)

    def _check(self, order: Order) -> None:
        """Refuse what cannot be paid before the work is done; the save itself decides in the end."""
        answer = self._client.estimate(self._user, order.operation, order.quantity)
        cost = answer["credits_required"]
        if not answer["affordable"]:
            detail = f"{order.description} costs {cost} credits, more than there are."
            raise InsufficientCredits(402, "insufficient_credits", detail, {"required": cost})
        sentence = f"{order.description} costs {cost} credit{'s' * (cost != 1)}, and that is there."
        self._say("estimate", sentence, operation=order.operation, quantity=order.quantity, credits_required=cost)

    def _deliver(self, order: Order, piece: Piece) -> None:
        charge: Charge = {"operation": order.operation, "quantity": order.quantity, "description": order.description}
        try:
            saved = self._client.save_project(
                self._user,
                app_source=self._app,
                project_type=self._type,
                title=piece.title,
                content=piece.content,
                metadata=piece.metadata,
                charge=charge,
            )
        except UnifiedError:
            self._keep(piece)
            raise
        code = saved["project_code"]
        paid = -sum(entry["amount"] for entry in self._client.transactions(self._user, project_code=code))
        size = saved["file_size_bytes"]
        sentence = f"Saved “{piece.title}” as {code} ({size:,} bytes). Paid {paid}, {saved['credits']} credits left."
        facts = {"project_code": code, "file_size_bytes": size, "paid": paid, "credits": saved["credits"]}
        self._say("saved", sentence, title=piece.title, **facts)

    def _keep(self, piece: Piece) -> None:
        self._keep_in.mkdir(parents=True, exist_ok=True)
        path = self._keep_in / piece.file_name
        path.write_bytes(piece.content.encode() if isinstance(piece.content, str) else piece.content)
        self._say("kept", f"It could not be delivered; it is kept in {path}.", file=str(path))


def _explain(refusal: UnifiedError, say: Reporter) -> int:
    facts = {"status": refusal.status, "code": refusal.code, "detail": refusal.detail, **refusal.facts}
    if isinstance(refusal, ConnectionFailed | ServerFault):
        sentence = f"{refusal.detail} Whether the last step happened is unknown; its key is {refusal.idempotency_key}."
        say.say("failed", sentence, idempotency_key=refusal.idempotency_key, **facts)
        return OTHER
    lines = [f"Not done, nothing paid: {refusal.detail}"]
    if isinstance(refusal, WorkspaceFull):
        lines += [f"  To make room: {_readable(suggestion)}" for suggestion in refusal.suggestions]
    if isinstance(refusal, InsufficientCredits) and refusal.top_up_url:
        lines.append(f"  Top up at {refusal.top_up_url}")
    say.say("refused", "\n".join(lines), paid=0, **facts)
    usage = isinstance(refusal, BadRequest | NotFound) or refusal.status == 401
    return OTHER if usage else REFUSED


def _readable(suggestion: object) -> str:
    if not isinstance(suggestion, dict):
        return str(suggestion)
    known = {"title": "?", "project_code": "?", "frees_bytes": 0, "action": "remove"} | suggestion
    return "{action} “{title}” ({project_code}), which frees {frees_bytes:,} bytes".format(**known)
