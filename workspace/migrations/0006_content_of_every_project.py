import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    # Apart from the move: PostgreSQL alters no table that has changes waiting in the same transaction.
    dependencies = [("workspace", "0005_shared_content")]

    operations = [
        migrations.DeleteModel("OldContent"),
        migrations.AlterField(
            "Project",
            "content",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="projects",
                to="workspace.content",
            ),
        ),
    ]
