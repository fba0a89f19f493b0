from django.db import migrations


class Migration(migrations.Migration):
    # Apart from what reads the column: PostgreSQL alters no table that has changes waiting in the same transaction.
    dependencies = [("workspace", "0010_search_entry")]

    operations = [migrations.RemoveField("Project", "search_text")]
