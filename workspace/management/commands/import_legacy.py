"""The earlier system's users and projects, taken over from its SQLite file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workspace.legacy import LegacyUnreadable, import_file


class Command(BaseCommand):
    help = (
        "Take over users, balances and projects from the earlier system's SQLite file. A balance becomes one base "
        "entry, and everybody gets the 10 bonus credits owed to existing users; old transactions are only counted. "
        "What cannot be taken over is named and skipped. Running it again takes over nothing twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the SQLite database with the unified_… tables")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            tally = import_file(file, self.stdout.write)
        except LegacyUnreadable as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(
            f"{tally.users} users with {tally.credits} credits and {tally.projects} projects imported "
            f"({tally.new_codes} under a new code); {tally.already} were imported before, {tally.skipped} skipped."
        )
        self.stdout.write(f"{tally.transactions} old transactions stand behind the imported balances.")
