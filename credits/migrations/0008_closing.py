"""Wallets can be closed. Of a description the hash chain takes the digest from now on, so every chain is made anew."""

import hashlib
from typing import Any

from django.db import migrations, models

from accounts import append_only


def rechain(apps: Any, schema_editor: Any) -> None:
    entry_model, wallet_model = apps.get_model("credits", "Entry"), apps.get_model("credits", "Wallet")
    # The triggers are back when `migrate` ends.
    append_only.remove(schema_editor.connection.alias)
    for wallet in wallet_model.objects.order_by("pk").iterator():
        head = ""
        for entry in entry_model.objects.filter(wallet=wallet).select_related("app").order_by("version").iterator():
            head = _hash(head, entry)
            entry_model.objects.filter(pk=entry.pk).update(hash=head)
        wallet_model.objects.filter(pk=wallet.pk).update(head_hash=head)


def _hash(previous: str, entry: Any) -> str:
    said = (
        previous,
        entry.id,
        str(entry.wallet_id),
        str(entry.version),
        entry.app.slug if entry.app else "unified",
        entry.transaction_type,
        str(entry.amount),
        str(entry.balance_after),
        hashlib.sha256(entry.description.encode()).hexdigest(),
        entry.project_code,
        entry.related_id or "",
        entry.hold_id or "",
        entry.created_at.isoformat(),
    )
    return hashlib.sha256("\x1f".join(said).encode()).hexdigest()


class Migration(migrations.Migration):
    dependencies = [("credits", "0007_used_up_grants")]
    operations = [
        migrations.AddField("wallet", "closed_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunPython(rechain, migrations.RunPython.noop),
    ]
