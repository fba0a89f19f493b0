"""Objects in the storage that nothing shows any more."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from workspace import blobs


class Command(BaseCommand):
    help = (
        "Delete objects from the storage that no project shows: of saves that came to nothing, of deleted projects. "
        "The chores do this every hour. After an older copy of the database was brought back, --unknown finds more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        minutes = int(blobs.SAFE_AGE.total_seconds() // 60)
        parser.add_argument("--unknown", action="store_true", help="find what nothing here knows, too")
        parser.add_argument(
            "--older-than",
            type=int,
            default=minutes,
            metavar="MINUTES",
            help=f"how long nothing may have shown them; {minutes} when left out, and less may hit a save under way",
        )

    def handle(self, *args: Any, unknown: bool, older_than: int, **options: Any) -> None:
        before = timezone.now() - timedelta(minutes=older_than)
        found = blobs.find_unknown(before=before) if unknown else 0
        collected = blobs.collect(before=before)
        self.stdout.write(f"{collected} objects deleted, {found} of them unknown before.")
