from django.db import migrations


def open_statements(apps, schema_editor):
    """Every workspace that has bytes already gets them as the first entry of its statement."""
    Workspace = apps.get_model('workspace', 'Workspace')
    StorageEntry = apps.get_model('workspace', 'StorageEntry')
    for workspace in Workspace.objects.filter(used_bytes__gt=0).iterator():
        StorageEntry.objects.create(
            workspace=workspace,
            number=1,
            cause='opening',
            delta_bytes=workspace.used_bytes,
            used_after_bytes=workspace.used_bytes,
        )
        workspace.entry_count = 1
        workspace.save(update_fields=['entry_count'])


class Migration(migrations.Migration):

    dependencies = [
        ('workspace', '0003_byte_statement'),
    ]

    operations = [
        migrations.RunPython(open_statements, migrations.RunPython.noop),
    ]
