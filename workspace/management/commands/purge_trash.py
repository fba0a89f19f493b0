"""The sweeper of old trash."""

from typing import Any

from django.core.management.base import BaseCommand

from workspace import services


class Command(BaseCommand):
    help = "Delete for good what has lain in the trash for 30 days."

    def handle(self, *args: Any, **options: Any) -> None:
        projects, size = services.purge_expired()
        self.stdout.write(f"{projects} projects purged, {size} bytes freed.")
