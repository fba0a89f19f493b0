"""Packages for a new installation, for staff to change; and what was bought goes behind the wall of accounts.walls."""

from typing import Any

from django.db import migrations

from accounts.walls import raise_walls

# Credits, and the price in cents: a credit is the cheaper the more are bought.
PACKAGES = (("starter", "Starter", 100, 500), ("plus", "Plus", 500, 2000), ("studio", "Studio", 2000, 6000))
OWN = "EXISTS (SELECT 1 FROM credits_purchase p WHERE p.id = purchase_id AND p.wallet_id = ANY(:people))"
WALLS = {"credits_purchase": "wallet_id = ANY(:people)", "credits_reversal": OWN, "credits_paymentevent": OWN}


def install(apps: Any, schema_editor: Any) -> None:
    package = apps.get_model("credits", "Package")
    for package_id, name, credits, price in PACKAGES:
        package.objects.create(package_id=package_id, name=name, credits=credits, price_amount=price, currency="usd")


class Migration(migrations.Migration):
    dependencies = [("credits", "0013_purchases")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop), *raise_walls(WALLS)]
