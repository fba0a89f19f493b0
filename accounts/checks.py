"""A system check that the append-only triggers are in the database."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from accounts import append_only


@register(Tags.database)
def append_only_triggers(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """`manage.py check --database default` fails when a table that only grows could be rewritten."""
    return [
        Error(f"The trigger {name} is missing.", hint="Run `python manage.py migrate`.", id="accounts.E001")
        for alias in databases or ()
        for name in append_only.missing(alias)
    ]
