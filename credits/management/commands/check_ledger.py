"""Whether every credit is accounted for."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from credits.auditing import Tally, audit, snapshot


class Command(BaseCommand):
    help = "Verify every wallet: sums, versions, hash chain, grants, holds and refunds. Exits 1 when anything is off."

    def handle(self, *args: Any, **options: Any) -> None:
        tally = Tally()
        show = self.stderr.isatty()

        def progress() -> None:
            if show:
                self.stderr.write(f"\r{tally.wallets} wallets, {tally.entries} entries", ending="")

        faults = 0
        with snapshot():
            for fault in audit(tally, progress):
                faults += 1
                self.stdout.write(str(fault))
        self.stdout.write(f"{tally.wallets} wallets, {tally.entries} entries, {faults} faults.")
        if faults:
            sys.exit(1)
