"""Bytes kept once per person, however many of their projects show them."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def move(apps: Any, schema_editor: Any) -> None:
    """What is there stays as it is, each project with bytes of its own: what was once sent is not known any more."""
    Old, Content = apps.get_model("workspace", "OldContent"), apps.get_model("workspace", "Content")
    Project = apps.get_model("workspace", "Project")
    for old in Old.objects.select_related("project").order_by("pk").iterator(50):
        project = old.project
        content = Content.objects.create(
            user_id=project.user_id,
            identity=f"project {project.code}",
            size_bytes=project.file_size_bytes,
            data=old.data,
            thumbnail=old.thumbnail,
            thumbnail_type=old.thumbnail_type,
        )
        Project.objects.filter(pk=project.pk).update(content=content)


class Migration(migrations.Migration):
    dependencies = [
        ("workspace", "0004_open_statements"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel("Content", "OldContent"),
        migrations.CreateModel(
            name="Content",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("identity", models.CharField(max_length=64)),
                ("size_bytes", models.PositiveBigIntegerField()),
                ("data", models.BinaryField()),
                ("thumbnail", models.BinaryField(blank=True, null=True)),
                ("thumbnail_type", models.CharField(blank=True, max_length=60)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["user", "identity"], name="content_kept_once")],
            },
        ),
        migrations.AddField(
            "Project",
            "content",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="projects",
                to="workspace.content",
            ),
        ),
        migrations.RunPython(move, migrations.RunPython.noop, elidable=True),
    ]
