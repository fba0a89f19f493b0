"""The price book of a new installation (contract, section 4)."""

from typing import Any

from django.db import migrations

PRICES = (
    ("penora", "page_generation", "page", 1),
    ("imagegene", "image_generation", "image", 2),
    (None, "file_processing", "page", 1),
    (None, "advanced_feature", "use", 3),
    (None, "premium_feature", "use", 5),
)


def install(apps: Any, schema_editor: Any) -> None:
    app_model, price_model = apps.get_model("accounts", "ClientApp"), apps.get_model("credits", "Price")
    for slug, operation, unit, credits in PRICES:
        app = app_model.objects.get(slug=slug) if slug else None
        price_model.objects.create(app=app, operation=operation, unit=unit, credits=credits)


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_initial"), ("accounts", "0002_first_party_apps")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
