"""Words in a table of their own, which the full-text index follows."""

from typing import Any

import brotli
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.walls import raise_walls
from workspace import search


def fill(apps: Any, schema_editor: Any) -> None:
    """Cut every project's title, metadata, tags and text into words."""
    Project, SearchEntry = apps.get_model("workspace", "Project"), apps.get_model("workspace", "SearchEntry")
    for project in Project.objects.select_related("content").order_by("pk").iterator(50):
        data = bytes(project.content.data)
        text = brotli.decompress(data) if project.encoding == "br" else data
        body = search.words_of(text.decode()) if project.project_type == "text" else ""
        about = search.words_of(project.title, *search.strings_of(project.metadata), *project.tags)
        terms = " ".join(f"{project.user_id}.{word}" for word in search.distinct(about, body))
        SearchEntry.objects.create(project=project, user_id=project.user_id, terms=terms, about=about, body=body)


class Migration(migrations.Migration):
    dependencies = [("workspace", "0009_causes_without_versions"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="found_by",
                        serialize=False,
                        to="workspace.project",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("terms", models.TextField()),
                ("about", models.TextField()),
                ("body", models.TextField(blank=True)),
            ],
        ),
        *raise_walls({"workspace_searchentry": "user_id = ANY(:people)"}),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
