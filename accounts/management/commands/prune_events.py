"""Deletes events older than 30 days."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import events


class Command(BaseCommand):
    help = "Delete the events that the feed no longer promises to keep (30 days). Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{events.prune()} events deleted")
