"""Tell apps of what happened, once round."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import webhooks


class Command(BaseCommand):
    help = "Write down what webhooks are to be told and tell what is due. `serve` and `worker` do this all the time."

    def handle(self, *args: Any, **options: Any) -> None:
        done = webhooks.deliver(for_seconds=3600)
        self.stdout.write(
            f"{done.queued} queued, {done.delivered} delivered, {done.failed} failed, {done.withheld} withheld."
        )
