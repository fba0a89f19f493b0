"""A system check that names settings which do nothing alone, so that nobody believes they work."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register


@register
def payments_half_set_up(**_: Any) -> list[CheckMessage]:
    """Warns about one of the payment provider's two secrets without the other: nothing is on sale then."""
    secrets = {name: getattr(settings, name) for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")}
    missing = [name for name, value in secrets.items() if not value]
    if len(missing) != 1:
        return []
    return [checks.Warning(f"{missing[0]} is not set, so credits cannot be bought.", id="unified.W001")]
