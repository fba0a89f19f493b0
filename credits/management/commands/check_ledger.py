"""Whether every credit is accounted for."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.auditing import require_migrated, snapshot
from credits.auditing import Tally, audit

BAR = 30


class Command(BaseCommand):
    help = (
        "Verify the ledger: sums, versions, hash chain, grants, holds, refunds, caps, triggers. "
        "Names every row that does not add up, and exits 1 when there is one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        tally = Tally()
        show = self.stderr.isatty()

        def progress() -> None:
            if show:
                self.stderr.write(bar(tally), ending="")

        faults = 0
        with snapshot():
            for fault in audit(tally, progress):
                faults += 1
                self.stdout.write(str(fault))
        if show:
            self.stderr.write("")
        self.stdout.write(f"{tally.wallets} wallets, {tally.entries} entries, {faults} faults.")
        if faults:
            sys.exit(1)


def bar(tally: Tally) -> str:
    """How far the check has come, over whatever the line said before."""
    done = min(tally.entries, tally.of) / max(tally.of, 1)
    filled = round(BAR * done)
    return f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done:4.0%} {tally.entries:,} of {tally.of:,} entries"
