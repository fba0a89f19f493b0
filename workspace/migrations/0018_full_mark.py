from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workspace", "0017_places_in_the_search_index")]

    operations = [
        migrations.AddField(
            model_name="workspace", name="full_mark", field=models.PositiveSmallIntegerField(default=80)
        ),
    ]
