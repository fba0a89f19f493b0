"""Whether the audit log is what was written into it."""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

from accounts.auditing import faults, require_migrated, snapshot
from accounts.models import AuditHead


def noted(text: str) -> tuple[int, str]:
    """Where the log once ended, as this command printed it: 17:9f86d0…"""
    match = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", text)
    if match is None:
        raise ArgumentTypeError(f"'{text}' is not a number and a hash as this command prints them, such as 17:9f86d0…")
    return int(match[1]), match[2]


class Command(BaseCommand):
    help = (
        "Verify the audit log: numbers, hash chain, end, erasures, triggers. Names the first row that is not what was "
        "written, and exits 1 when there is one. Note down elsewhere where the log ends, and ask for that with --noted "
        "another day: not even who owns the database can make that fit again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--noted",
            action="append",
            type=noted,
            default=[],
            metavar="NUMBER:HASH",
            help="where the log ended once; may be repeated",
        )

    def handle(self, *args: Any, noted: list[tuple[int, str]], **options: Any) -> None:
        require_migrated()
        with snapshot():
            found = list(faults(dict(noted)))
            head = AuditHead.objects.first() or AuditHead()
        for fault in found:
            self.stdout.write(str(fault))
        self.stdout.write(f"{head.last_id} entries, {len(found)} faults.")
        if found:
            sys.exit(1)
        if head.last_id:
            self.stdout.write(f"The log ends at {head.last_id}:{head.hash}")
