"""Gives every search entry its place in the index, which is made anew after the migrations, by it."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery

# The index is no model: what there is of it goes, and `workspace.search_index.install` makes it when all is migrated.
DROP = {
    "sqlite": [
        *(f"DROP TRIGGER IF EXISTS workspace_searchindex_{name}" for name in ("insert", "delete", "update")),
        "DROP TABLE IF EXISTS workspace_searchindex",
    ],
    "postgresql": [
        "DROP FUNCTION IF EXISTS workspace_searchindex_follow CASCADE",
        "DROP TABLE IF EXISTS workspace_searchindex",
    ],
}


def drop_index(_apps: Any, editor: Any) -> None:
    for statement in DROP[editor.connection.vendor]:
        editor.execute(statement)


def place(apps: Any, _editor: Any) -> None:
    Project, SearchEntry = (apps.get_model("workspace", name) for name in ("Project", "SearchEntry"))
    found = Project.objects.filter(pk=OuterRef("pk")).annotate(place=F("app_id") * 2**40 + F("pk"))
    SearchEntry.objects.update(place=Subquery(found.values("place")))


class Migration(migrations.Migration):
    dependencies = [("workspace", "0016_newest_first")]

    operations = [
        migrations.RunPython(drop_index, migrations.RunPython.noop),
        migrations.AddField("searchentry", "place", models.BigIntegerField(default=0), preserve_default=False),
        migrations.RunPython(place, drop_index),
    ]
