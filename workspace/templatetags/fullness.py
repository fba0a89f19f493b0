"""The low-storage setting, for the account page, which knows nothing of projects."""

from typing import Any

from django import template
from django.template.context import RequestContext

from workspace import services
from workspace.forms import LowStorageForm

register = template.Library()


@register.inclusion_tag("workspace/_low_storage.html", takes_context=True)
def low_storage(context: RequestContext) -> dict[str, Any]:
    """The form in which a person says at how many percent they want to be told."""
    workspace = services.workspace_of(user=context["request"].user)
    form = LowStorageForm(initial={"full_mark": workspace.full_mark})
    return {"form": form, "csrf_token": context.get("csrf_token")}
