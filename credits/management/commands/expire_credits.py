"""The sweeper of expired grants."""

from typing import Any

from django.core.management.base import BaseCommand

from credits import services


class Command(BaseCommand):
    help = "Write off expired credits (and release expired holds). Every read is right without this; it tidies early."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.settle_due()} wallets settled: expired credits written off.")
