"""The sweeper of expired holds."""

from typing import Any

from django.core.management.base import BaseCommand

from credits import services


class Command(BaseCommand):
    help = "Release expired holds (and write off expired credits). Every read is right without this; it tidies early."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.settle_due()} wallets settled: expired holds released.")
