"""Bonus credits for all or some people, once per key."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import DomainError
from accounts.models import User
from credits import services
from credits.models import DEFAULT_PRIORITY, MAX_AMOUNT, MAX_PRIORITY, counted


def amount(text: str) -> int:
    """A whole number of credits from 1 to 1,000,000."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_AMOUNT:
        raise ArgumentTypeError(f"'{text}' is not a whole number from 1 to {MAX_AMOUNT:,}")
    return int(text)


def words(text: str) -> str:
    """Something said, at most 255 characters."""
    if not text.strip() or len(text) > 255:
        raise ArgumentTypeError("must have 1 to 255 characters")
    return text.strip()


def moment(text: str) -> datetime:
    """A time with its zone, such as 2027-01-31T00:00Z."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ArgumentTypeError(f"'{text}' is not a time with a zone, such as 2027-01-31T00:00Z")
    return at


def priority(text: str) -> int:
    """A whole number from 0 to 1,000."""
    if not text.isascii() or not text.isdigit() or int(text) > MAX_PRIORITY:
        raise ArgumentTypeError(f"'{text}' is not a whole number from 0 to {MAX_PRIORITY:,}")
    return int(text)


class Command(BaseCommand):
    help = "Give bonus credits to all or some users, all or none of them. The same --key gives them once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--all", action="store_true", dest="everybody", help="every active user")
        whom.add_argument("--user", action="append", dest="user_ids", metavar="ID", help="a user_id; may be repeated")
        parser.add_argument("--amount", type=amount, required=True, help="credits for each user")
        parser.add_argument("--reason", type=words, required=True, help="what the users read in their statement")
        parser.add_argument(
            "--expires-at", type=moment, metavar="TIME", help="from when on they cannot be spent (UTC: …Z)"
        )
        parser.add_argument("--priority", type=priority, default=DEFAULT_PRIORITY, help="what is lower is spent first")
        parser.add_argument("--key", type=words, required=True, help="names this grant, so that a repeat gives nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        users = User.objects.filter(is_active=True)
        if not options["everybody"]:
            wanted = set(options["user_ids"])
            users = users.filter(user_id__in=wanted)
            missing = wanted - set(users.values_list("user_id", flat=True))
            if missing:
                raise CommandError(f"No such user: {', '.join(sorted(missing))}. Nothing was granted.")
        terms = {name: options[name] for name in ("key", "amount", "reason", "expires_at", "priority")}
        audience = "everybody" if options["everybody"] else ""
        try:
            batch, now = services.grant_once(users=users, audience=audience, **terms)
        except DomainError as error:
            raise CommandError(error.detail) from None
        given = batch.count if now else 0
        self.stdout.write(f"{_users(given)} granted {counted(batch.amount)} each.")
        if not now:
            used = f"The key '{batch.key}' was used on {batch.created_at:%Y-%m-%d}"
            self.stdout.write(f"{used} for {_users(batch.count)}.")


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"
