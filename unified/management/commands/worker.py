"""The chores as a process of their own, for servers that do not do them beside their requests."""

import signal
from contextlib import suppress
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from unified import chores


class Command(BaseCommand):
    help = "Send mail, settle what is overdue and tidy up, until Ctrl-C. `serve` does this itself; several may run."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        self.stdout.write(f"{len(chores.CHORES)} chores, until Ctrl-C.")
        with suppress(KeyboardInterrupt):
            chores.run(stop)
