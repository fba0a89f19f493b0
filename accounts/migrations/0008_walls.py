"""Puts what belongs to one person behind the wall of accounts.walls. PostgreSQL only."""

from django.db import migrations

from accounts.walls import raise_walls

WALLS = {
    "accounts_event": "user_id = ANY(:people) OR EXISTS (SELECT 1 FROM accounts_connection c WHERE c.user_id = accounts_event.user_id AND c.app_id = :app AND c.disconnected_at IS NULL)",
    "accounts_mail": "user_id = ANY(:people)",
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_app_logo")]

    operations = raise_walls(WALLS)
