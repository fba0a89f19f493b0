"""Cuts every project into words again; needed only where `check_storage` says so."""

from typing import Any

from django.core.management.base import BaseCommand

from workspace import services


class Command(BaseCommand):
    """See the module's docstring."""

    help = "Write anew the words that projects are found by, and the full-text index."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.rebuild_search()} projects indexed.")
