"""A person's export: everything that is theirs as one zip, made while it is sent.

What can change is read in one moment of the database and set aside on disk; entries and events, which never change, and
the bytes of projects are read page by page after it. No transaction and no connection waits for a slow reader."""

import csv
import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import exporting as account
from accounts.auditing import snapshot
from accounts.exporting import Row, Spool, as_json, let_go, pages
from accounts.models import User
from credits import exporting as wallet
from credits import services as credits
from credits.models import Wallet
from credits.statements import harmless
from workspace import export_files
from workspace.export_files import ProjectFiles, project_rows, version_rows
from workspace.models import Project, StorageEntry, Workspace
from workspace.services.statement import workspace_of
from workspace.zipping import ZipStream

FORMAT = "unified-export"
FORMAT_VERSION = 1
EVENT_COLUMNS = ("id", "created_at", "type", "data")
STORAGE_COLUMNS = (
    "number",
    "created_at",
    "cause",
    "app_name",
    "project_code",
    "title",
    "delta_bytes",
    "used_after_bytes",
)


class Records:
    """What was read in one moment: rows set aside on disk, and how far the lists that only grow had come."""

    account: Row
    last_entry: int
    last_event: int
    last_change: int

    def __init__(self) -> None:
        self.projects, self.versions = Spool(), Spool()
        self.grants, self.holds, self.purchases = Spool(), Spool(), Spool()

    def read(self, user: User) -> None:
        # Settles what fell due, and opens what a new person has not opened yet: that writes, so it comes before.
        credits.wallet_of(user=user)
        workspace_of(user=user)
        with snapshot():
            purse, space = Wallet.objects.get(pk=user.pk), Workspace.objects.get(pk=user.pk)
            self.account = {
                **account.account_facts(user),
                **wallet.wallet_facts(purse),
                "storage_used_bytes": space.used_bytes,
                "storage_limit_bytes": space.limit_bytes,
                "connections": account.connection_facts(user),
                "staff_acts": account.staff_acts(user),
                "settings": {
                    "low_mark": purse.low_mark,
                    "make_room_from_trash": space.make_room_from_trash,
                    "fit": space.fit,
                    "max_edge": space.max_edge,
                    "full_mark": space.full_mark,
                },
            }
            self.last_entry, self.last_event = purse.version, account.last_event(user)
            self.last_change = StorageEntry.objects.owned_by(user).aggregate(last=Max("number"))["last"] or 0
            self.projects.fill(project_rows(Project.objects.owned_by(user)))
            self.versions.fill(version_rows(user))
            self.grants.fill(wallet.grant_rows(user))
            self.holds.fill(wallet.hold_rows(user))
            self.purchases.fill(wallet.purchase_rows(user))
        let_go()

    def close(self) -> None:
        for spool in (self.projects, self.versions, self.grants, self.holds, self.purchases):
            spool.close()


class Export:
    """One export under way. `counts` says how many rows of what went out, `left_out` what could not."""

    def __init__(self, user: User) -> None:
        self.user, self.at = user, timezone.now()
        self.counts: dict[str, int] = {}
        self.left_out: list[Row] = []

    def stream(self) -> Generator[bytes, None, None]:
        """The zip. Its first file comes before anything is read."""
        with closing(ZipStream(self.at)) as made, closing(Records()) as records, closing(Spool()) as listed:
            facts = {"user": self.user, "at": self.at, "origin": settings.PUBLIC_URL}
            yield from made.add("README.txt", [render_to_string("workspace/export_readme.txt", facts)])
            records.read(self.user)
            yield from made.add("account.json", [as_json(records.account), "\n"])
            entries = wallet.entry_rows(self.user, records.last_entry)
            yield from self._table(made, "transactions", wallet.ENTRY_COLUMNS, entries)
            yield from self._table(made, "grants", wallet.GRANT_COLUMNS, records.grants.rows())
            yield from self._table(made, "holds", wallet.HOLD_COLUMNS, records.holds.rows())
            yield from self._table(made, "purchases", wallet.PURCHASE_COLUMNS, records.purchases.rows())
            events = account.event_rows(self.user, records.last_event)
            yield from self._table(made, "events", EVENT_COLUMNS, events)
            changes = storage_rows(self.user, records.last_change)
            yield from self._table(made, "storage", STORAGE_COLUMNS, changes)
            files = ProjectFiles(self.user, made, self.left_out, as_stored=True)
            yield from files.add(records.projects.rows(), listed)
            yield from self._table(made, "projects", export_files.COLUMNS, listed.rows())
            with closing(Spool()) as earlier:
                yield from files.add(records.versions.rows(), earlier)
                yield from self._table(made, "versions", export_files.VERSION_COLUMNS, earlier.rows())
            yield from made.add("manifest.json", [as_json(self._manifest()), "\n"])
            yield from made.sums()
            yield from made.end()

    def _manifest(self) -> Row:
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "made_by": settings.PUBLIC_URL,
            "made_at": self.at,
            "user_id": self.user.user_id,
            "counts": self.counts,
            "left_out": self.left_out,
        }

    def _table(self, made: ZipStream, name: str, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
        """Rows as JSON and as CSV; the CSV waits on disk while the JSON goes out."""
        with closing(Spool()) as lines:
            lines.write(_csv_line(columns))
            yield from made.add(f"{name}.json", self._array(name, columns, rows, lines))
            yield from made.add(f"{name}.csv", lines.chunks())

    def _array(self, name: str, columns: Sequence[str], rows: Iterable[Row], lines: Spool) -> Iterator[str]:
        self.counts[name] = 0
        for row in rows:
            known = {column: row[column] for column in columns}
            lines.write(_csv_line(_cell(value) for value in known.values()))
            yield (",\n" if self.counts[name] else "[\n") + as_json(known)
            self.counts[name] += 1
        yield "\n]\n" if self.counts[name] else "[]\n"


def storage_rows(user: User, upto: int) -> Iterator[Row]:
    """Every change of the used bytes up to the `upto`-th, oldest first."""
    changes = StorageEntry.objects.owned_by(user).filter(number__lte=upto).select_related("app")
    for page in pages(changes, by="number"):
        for change in page:
            app = {"app_name": change.app.slug if change.app else "unified"}
            yield app | {name: getattr(change, name) for name in STORAGE_COLUMNS if name not in app}


def selection(user: User, codes: Sequence[str]) -> Generator[bytes, None, None]:
    """The named projects of the person as one zip, in formats that open everywhere."""
    with closing(ZipStream(timezone.now())) as made, closing(Spool()) as found, closing(Spool()) as listed:
        found.fill(project_rows(Project.objects.owned_by(user).named(codes)))
        yield from ProjectFiles(user, made, [], as_stored=False).add(found.rows(), listed)
        yield from made.end()


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:
    """A value as a spreadsheet takes it: words that cannot act, lists and objects as JSON."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, bool | list | dict):
        return as_json(value)
    return account.spelled(value) if isinstance(value, datetime) else value
