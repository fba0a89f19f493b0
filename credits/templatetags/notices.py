"""The low-balance setting, for the account page, which knows nothing of credits."""

from typing import Any

from django import template
from django.template.context import RequestContext

from credits import services
from credits.forms import LowBalanceForm

register = template.Library()


@register.inclusion_tag("credits/_low_balance.html", takes_context=True)
def low_balance(context: RequestContext) -> dict[str, Any]:
    """The form in which a person says at how many credits they want to be told."""
    wallet = services.wallet_of(user=context["request"].user)
    return {"form": LowBalanceForm(initial={"low_mark": wallet.low_mark}), "csrf_token": context.get("csrf_token")}
