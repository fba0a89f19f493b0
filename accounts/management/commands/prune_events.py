"""Deletes events older than 30 days, and lets go of the answers kept for repeated requests as long."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import events, idempotency


class Command(BaseCommand):
    help = "Delete events and let go of answers to Idempotency-Keys after 30 days; the keys stay taken. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{events.prune()} events deleted, {idempotency.prune()} answers let go")
