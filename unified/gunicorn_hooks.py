"""What gunicorn calls: streams must end with their server, not keep it from ending."""

import signal
from typing import Any


def post_worker_init(worker: Any) -> None:
    """Lets streams see that the worker was told to leave, and leaves the telling to the master.

    Ctrl-C reaches the worker from the terminal and again from the master; interrupted by the second, the handler of the
    first waits for a lock of its own (gunicorn 27, ThreadWorker.handle_quit) until the worker is killed."""
    from unified import live  # the settings are ready only in the worker

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    live.serving = lambda: bool(worker.alive)
