"""Whether every byte is accounted for."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand

from accounts.auditing import require_migrated, snapshot
from workspace.auditing import Tally, audit, audit_index
from workspace.object_auditing import audit_objects


class Command(BaseCommand):
    help = "Verify every workspace: used bytes, statement, contents, sizes and codes. Exits 1 when anything is off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--deep", action="store_true", help="also read every object in the storage, byte for byte")

    def handle(self, *args: Any, deep: bool, **options: Any) -> None:
        require_migrated()
        tally = Tally()
        with snapshot():
            faults = self._told(audit(tally))
        faults += self._told(audit_index())
        faults += self._told(audit_objects(deep=deep))
        looked_at = f"{tally.workspaces} workspaces, {tally.entries} entries, {tally.projects} projects"
        self.stdout.write(f"{looked_at}, {faults} faults.")
        if faults:
            sys.exit(1)

    def _told(self, faults: Iterable[str]) -> int:
        count = 0
        for fault in faults:
            count += 1
            self.stdout.write(fault)
        return count
