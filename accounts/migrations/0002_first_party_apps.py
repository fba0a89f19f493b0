"""The two client apps that every installation starts with."""

from typing import Any

from django.db import migrations


def install(apps: Any, schema_editor: Any) -> None:
    model = apps.get_model("accounts", "ClientApp")
    for slug, name, hue in (("penora", "Penora", 28), ("imagegene", "ImageGene", 262)):
        model.objects.get_or_create(slug=slug, defaults={"name": name, "hue": hue, "first_party": True})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
