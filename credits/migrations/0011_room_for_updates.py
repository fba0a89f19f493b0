"""A wallet and the grant that pays are written again at every charge. PostgreSQL looks through the versions of a row that
lie on its page until it tidies the page, which it does as soon as less is free than this leaves: then they are few."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = ("credits_wallet", "credits_grant")


def leave_room(apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = 30)")


def fill_up(apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("credits", "0010_charge_keys")]

    operations = [migrations.RunPython(leave_room, fill_up)]
