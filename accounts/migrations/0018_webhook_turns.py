from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0017_webhook_walls'),
    ]

    operations = [
        migrations.AddField(
            model_name='webhookdelivery',
            name='history',
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='failures',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='lease',
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='leased_until',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='rests_until',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='turn_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['endpoint', 'id'], name='delivery_next'),
        ),
    ]
