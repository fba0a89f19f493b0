"""What the floor puts into a person's export: the account, the apps they let in, and the record of what happened.

Also the two tools every part of an export is made with: rows kept aside on disk, and long lists read in pages."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any, TypeVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import connection
from django.db.models import Model, QuerySet

from accounts.models import AuditEntry, Connection, Event, User

Row = dict[str, Any]
M = TypeVar("M", bound=Model)
IN_MEMORY_BYTES = 1_048_576
PAGE = 500
SESSION_COLUMNS = ("created_at", "last_seen_at", "ip", "user_agent")


class Spool:
    """Rows or bytes set aside, on disk past a megabyte, so that memory does not grow with what a person owns."""

    def __init__(self) -> None:
        self.count = 0
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed by whoever made it

    def add(self, row: Row) -> None:
        self.write(as_json(row) + "\n")
        self.count += 1

    def fill(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.add(row)

    def write(self, text: str) -> None:
        self._file.write(text.encode())

    def rows(self) -> Iterator[Row]:
        """Everything that was added, in that order. Nothing may be added meanwhile."""
        self._file.seek(0)
        return (json.loads(line) for line in self._file)

    def chunks(self) -> Iterator[bytes]:
        """What was written, in pieces."""
        self._file.seek(0)
        return iter(lambda: self._file.read(65_536), b"")

    def close(self) -> None:
        self._file.close()


def as_json(value: Any) -> str:
    """One line of JSON in readable letters; moments in RFC 3339, UTC, to the microsecond."""
    return json.dumps(value, ensure_ascii=False, default=spelled)


def spelled(value: Any) -> str:
    """A moment in RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is no part of an export")


def let_go() -> None:
    """Give the database connection back while the reader is busy, unless somebody's transaction is open on it."""
    if not connection.in_atomic_block:
        connection.close()


def pages(rows: QuerySet[M], by: str) -> Iterator[list[M]]:
    """The rows in the order of the unique column `by`, a page at a time.

    No connection is kept while the reader is busy with a page. Only for rows that are never changed: what was written
    between two pages may be missing or there."""
    rows, after = rows.order_by(by), None
    while page := list(rows[:PAGE] if after is None else rows.filter(**{f"{by}__gt": after})[:PAGE]):
        let_go()
        yield page
        after = getattr(page[-1], by)
    let_go()


def account_facts(user: User) -> Row:
    """Who the person is here. Passwords and keys, of which only hashes are kept, are no part of it."""
    addresses = EmailAddress.objects.filter(user=user).order_by("pk").values("email", "verified", "primary")
    return {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "email_addresses": list(addresses),
        "created_at": user.created_at,
        "last_login_at": user.last_login,
        "second_factors": factor_facts(user),
        "sessions": list(UserSession.objects.filter(user=user).order_by("pk").values(*SESSION_COLUMNS)),
    }


def factor_facts(user: User) -> list[Row]:
    """What the person proves themselves with, as they named it; never what it is proved by."""
    return [
        {
            "type": factor.type,
            "name": factor.wrap().name if factor.type == Authenticator.Type.WEBAUTHN else "",
            "created_at": factor.created_at,
            "last_used_at": factor.last_used_at,
        }
        for factor in Authenticator.objects.filter(user=user).order_by("pk")
    ]


def connection_facts(user: User) -> list[Row]:
    """The apps the person let in, and what they set for them."""
    connections = Connection.objects.filter(user=user).select_related("app").order_by("app__slug")
    return [
        {
            "app_name": connection.app.slug,
            "created_at": connection.created_at,
            "daily_cap": connection.daily_cap,
            "disconnected_at": connection.disconnected_at,
            "consented_scopes": connection.consented_scopes,
            "consented_at": connection.consented_at,
        }
        for connection in connections
    ]


def staff_acts(user: User) -> list[Row]:
    """What staff did about the person, and when; who of them it was is staff's."""
    acts = AuditEntry.objects.filter(person=user).exclude(actor=user).order_by("pk")
    return [{"action": act.action, "on": act.kind, "created_at": act.created_at} for act in acts]


def last_event(user: User) -> int:
    """The id of the latest event there is of the person, 0 when there is none."""
    return Event.objects.owned_by(user).order_by("-id").values_list("id", flat=True).first() or 0


def event_rows(user: User, upto: int) -> Iterator[Row]:
    """What happened in the last 30 days, up to the event `upto`, as the feed tells it."""
    for page in pages(Event.objects.owned_by(user).filter(id__lte=upto), by="id"):
        for event in page:
            yield {"id": event.id, "type": event.type, "created_at": event.created_at, "data": event.data}
