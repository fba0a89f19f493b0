"""Proves that the audit log is whole; also what every such proof is made with: faults, one moment of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.management import CommandError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts import append_only, audit
from accounts.closing import is_forgotten
from accounts.models import AuditEntry, AuditHead

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that does not add up, named so that it can be found."""

    row: str
    what: str

    def __str__(self) -> str:
        return f"{self.row}: {self.what}"


def require_migrated() -> None:
    """Raise CommandError, one sentence, where tables that a proof reads may be missing."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date, so nothing was checked: run `manage.py migrate` first.")


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment of the database for everything read inside, or a charge made meanwhile would look like a fault.

    Inside a transaction that is already open nothing can be promised, and nothing is done."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        # What the last transaction told the wall is told again by the next statement, and behind that the level could
        # not be set any more.
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # A plain BEGIN: Django's own would take the write lock.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def faults(noted: dict[int, str] | None = None) -> Iterator[Fault]:
    """What is wrong with the audit log; of its rows the first fault only, since all later ones follow from it.

    `noted` are hashes by row number that somebody wrote down elsewhere: a log that was made anew as a whole, chain and
    all, does not have them."""
    missing = [name for name in append_only.missing() if name.startswith(AuditEntry._meta.db_table)]
    yield from (Fault(f"trigger {name}", "is missing or switched off") for name in missing)
    number, head, waiting = 0, "", dict(noted or {})
    for entry in AuditEntry.objects.select_related("person").order_by("pk").iterator(ROWS_AT_ONCE):
        what = _fault(entry, number + 1, head)
        if not what and waiting.pop(entry.pk, entry.hash) != entry.hash:
            what = "hash is not the one that was noted: the log was made anew"
        if what:
            yield Fault(f"audit entry {entry.pk}", what)
            return
        number, head = entry.pk, entry.hash
    for lost in sorted(waiting):
        yield Fault(f"audit entry {lost}", "was noted, and is not there")
    yield from _end(number, head)


def _fault(entry: AuditEntry, number: int, head: str) -> str:
    if entry.pk != number:
        return f"stands where {number} should follow"
    if entry.hash != audit.chained(head, entry):
        return "hash does not fit the chain: this entry or the one before it was changed"
    if entry.is_erased and (entry.person is None or not is_forgotten(entry.person)):
        return "what it said was erased, and its person has not left"
    return ""


def _end(number: int, head: str) -> Iterator[Fault]:
    """The head is where the rows end, or rows at the end are gone."""
    stands = AuditHead.objects.first() or AuditHead()
    if (stands.last_id, stands.hash) != (number, head):
        yield Fault("audit head", f"stands at {stands.last_id}, the rows end at {number}")
