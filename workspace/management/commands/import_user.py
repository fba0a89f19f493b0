"""One person's export, taken over from another installation."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import DomainError
from accounts.models import User
from workspace.importing import Terms, import_zip
from workspace.zip_reading import ExportUnreadable


class Command(BaseCommand):
    help = (
        "Take over what is in the zip that export_user or the account page made: the person, when they are new here, "
        "and their projects. The whole file is checked first, and what cannot be taken over is named; then the exit "
        "status is 1. Running it again takes over nothing twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.zip")
        parser.add_argument("--as", dest="into", metavar="USER_ID", help="the person here who gets it, when not new")
        parser.add_argument("--raise-limit", action="store_true", help="raise the storage limit where needed")
        parser.add_argument(
            "--with-credits",
            default="",
            metavar="REASON",
            help="take over the balance too, as one entry with this reason: what it is worth is for you to decide",
        )

    def handle(self, *args: Any, file: Path, into: str | None, **options: Any) -> None:
        user = User.objects.filter(user_id=into).first() if into else None
        if into and user is None:
            raise CommandError(f"There is no user {into}.")
        terms = Terms(user, options["raise_limit"], options["with_credits"][:500])
        try:
            tally = import_zip(file, terms, self.stdout.write)
        except ExportUnreadable as refusal:
            raise CommandError(str(refusal)) from None
        except DomainError as refusal:
            raise CommandError(f"{refusal.detail} With --as USER_ID it goes to that person.") from None
        self.stdout.write(
            f"{tally.people} new people, {tally.projects} projects ({tally.new_codes} under a new code, "
            f"{tally.encoded_anew} encoded anew) and {tally.credits} credits imported for {tally.user_id}; "
            f"{tally.already} projects were here before, {tally.skipped} skipped."
        )
        if tally.skipped:
            sys.exit(1)
