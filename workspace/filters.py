"""Which of a person's projects a list shows; the API and the pages ask with the same names."""

from typing import Any

from accounts.models import User
from workspace.models import Project, ProjectQuerySet


def filtered(user: User, wanted: dict[str, Any]) -> ProjectQuerySet:
    """The person's projects that fit the filters of the projects query (contract, section 3), by their names there."""
    names = {
        "app_source": "app__slug",
        "project_type": "project_type",
        "created_after": "created_at__gte",
        "created_before": "created_at__lt",
        "favourite": "favourite",
    }
    owned = Project.objects.owned_by(user)
    projects = owned.trashed() if wanted.get("trashed") else owned.live()
    projects = projects.filter(**{field: wanted[name] for name, field in names.items() if name in wanted})
    if "tag" in wanted:
        projects = projects.tagged(wanted["tag"], user)
    return projects.matching(wanted["q"], user) if "q" in wanted else projects
