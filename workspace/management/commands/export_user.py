"""Everything that is one person's, as a zip file."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from workspace.exporting import Export


class Command(BaseCommand):
    help = (
        "Write everything that is one person's into a zip: projects in formats that open everywhere and as stored, "
        "metadata and ledger as JSON and CSV. Running it again writes the file anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user_id", metavar="ID")
        parser.add_argument("--output", type=Path, metavar="FILE", help="default: unified-export-ID.zip, here")

    def handle(self, *args: Any, user_id: str, output: Path | None, **options: Any) -> None:
        user = User.objects.filter(user_id=user_id).first()
        if user is None:
            raise CommandError(f"There is no user {user_id}.")
        # A user_id has no slash, but may have what Windows refuses in a name.
        path = output or Path(f"unified-export-{user_id.replace(':', '_')}.zip")
        export = Export(user)
        try:
            size = _write(path, export)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        counts = ", ".join(f"{count} {name}" for name, count in export.counts.items())
        self.stdout.write(f"{counts}; {len(export.left_out)} left out.")
        self.stdout.write(f"{size:,} bytes in {path}.")


def _write(path: Path, export: Export) -> int:
    """Beside the place and then there at once, readable by its owner only; returns the bytes written."""
    part = path.with_name(path.name + ".part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            size = sum(out.write(chunk) for chunk in export.stream())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return size
