"""How apps were told of a person's events is behind the wall of accounts.walls, as the events are. PostgreSQL only."""

from django.db import migrations

from accounts.walls import raise_walls

OWN = "EXISTS (SELECT 1 FROM accounts_event e WHERE e.id = event_id AND e.user_id = ANY(:people))"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_webhooks")]

    operations = raise_walls({"accounts_webhookdelivery": OWN})
