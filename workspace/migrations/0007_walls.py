"""Puts what belongs to one person behind the wall of accounts.walls. PostgreSQL only."""

from django.db import migrations

from accounts.walls import raise_walls

WALLS = {
    "workspace_workspace": "user_id = ANY(:people)",
    "workspace_project": "user_id = ANY(:people)",
    "workspace_storageentry": "workspace_id = ANY(:people)",
    "workspace_content": "user_id = ANY(:people)",
}


class Migration(migrations.Migration):
    dependencies = [("workspace", "0006_content_of_every_project")]

    operations = raise_walls(WALLS)
