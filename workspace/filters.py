"""Which of a person's projects a list shows; the API and the pages ask with the same names."""

from typing import Any

from workspace.models import ProjectQuerySet


def filtered(projects: ProjectQuerySet, wanted: dict[str, Any]) -> ProjectQuerySet:
    """Those that fit the filters of the projects query (contract, section 3), by their names there."""
    names = {
        "app_source": "app__slug",
        "project_type": "project_type",
        "created_after": "created_at__gte",
        "created_before": "created_at__lt",
        "favourite": "favourite",
    }
    projects = projects.trashed() if wanted.get("trashed") else projects.live()
    projects = projects.filter(**{field: wanted[name] for name, field in names.items() if name in wanted})
    if "tag" in wanted:
        projects = projects.tagged(wanted["tag"])
    return projects.matching(wanted["q"]) if "q" in wanted else projects
