"""A system check that names settings which this version does not use yet, so that nobody believes they work."""

import os
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, register

UNUSED = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE")


@register
def settings_without_effect(**_: Any) -> list[CheckMessage]:
    """Warns about every reserved variable that is set."""
    return [
        checks.Warning(f"{name} is set, but this version makes no use of it.", id="unified.W001")
        for name in UNUSED
        if os.environ.get(name)
    ]
