"""PostgreSQL keeps a second index of a text key, for LIKE. Nothing asks for ids that way, and every write paid for it."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEXES = {
    "credits_entry_id_4c903f81_like": "credits_entry (id",
    "credits_hold_id_4af530d3_like": "credits_hold (id",
    "credits_holdallocation_hold_id_624accc4_like": "credits_holdallocation (hold_id",
}


def drop(apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


def make(apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name, place in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {place} varchar_pattern_ops)")


class Migration(migrations.Migration):
    dependencies = [("credits", "0011_room_for_updates")]

    operations = [migrations.RunPython(drop, make)]
