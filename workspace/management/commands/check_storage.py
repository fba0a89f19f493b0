"""Whether every byte is accounted for."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from credits.auditing import snapshot
from workspace.auditing import Tally, audit


class Command(BaseCommand):
    help = "Verify every workspace: used bytes, contents, sizes and codes. Exits 1 when anything is off."

    def handle(self, *args: Any, **options: Any) -> None:
        tally = Tally()
        faults = 0
        with snapshot():
            for fault in audit(tally):
                faults += 1
                self.stdout.write(fault)
        self.stdout.write(f"{tally.workspaces} workspaces, {tally.projects} projects, {faults} faults.")
        if faults:
            sys.exit(1)
