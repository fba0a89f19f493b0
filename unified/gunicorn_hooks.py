"""What gunicorn calls: streams must end with their server, not keep it from ending."""

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Lets streams see that the worker was told to leave."""
    from unified import live  # the settings are ready only in the worker

    live.serving = lambda: bool(worker.alive)
