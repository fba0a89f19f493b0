"""What each app made and used, for the account page, which knows nothing of credits and projects."""

from dataclasses import dataclass

from django import template
from django.db.models import Count, Sum
from django.template.context import RequestContext

from accounts.models import ClientApp
from credits import spending
from workspace.models import Project

register = template.Library()


@dataclass(frozen=True)
class Usage:
    """Of one app: credits of the last 30 days, and the live projects with their bytes."""

    credits: int = 0
    projects: int = 0
    bytes: int = 0


@register.simple_tag(takes_context=True)
def usage_by_app(context: RequestContext) -> dict[int, Usage]:
    """By the app's key; an app that did nothing is not in it. Three queries."""
    user = context["request"].user
    spent = {total.app.pk: total.credits for total in spending.last_days(user, ClientApp.objects.all()).totals}
    live = Project.objects.owned_by(user).live().order_by()
    made = {
        app: (count, size)
        for app, count, size in live.values_list("app_id").annotate(Count("id"), Sum("file_size_bytes"))
    }
    return {app: Usage(spent.get(app, 0), *made.get(app, (0, 0))) for app in spent.keys() | made.keys()}


@register.filter
def of_app(usages: dict[int, Usage], app: ClientApp) -> Usage:
    return usages.get(app.pk, Usage())
