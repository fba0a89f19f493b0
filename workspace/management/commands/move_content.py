"""Pictures from the database into the storage, or back."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workspace import blobs, moving


class Command(BaseCommand):
    help = (
        "Move every picture into the storage that STORAGE_URL names, or back into the database, while work goes on. "
        "It may be stopped and started again at any time. Exits 1 when something stayed behind."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, choices=("storage", "database"))

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        if blobs.storage() is None:
            raise CommandError("STORAGE_URL is not set: there is no storage to move anything to or from.")
        try:
            blobs.ask()
        except blobs.StorageUnavailable:
            raise CommandError("The storage does not answer; the log says why.") from None
        tally = moving.to_storage() if to == "storage" else moving.to_database()
        self.stdout.write(f"{tally.moved} pictures of {tally.bytes:,} bytes moved, {tally.left} left where they were.")
        if tally.left:
            sys.exit(1)
