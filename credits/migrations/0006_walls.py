"""Puts what belongs to one person behind the wall of accounts.walls. PostgreSQL only."""

from django.db import migrations

from accounts.walls import raise_walls

WALLS = {
    "credits_wallet": "user_id = ANY(:people)",
    "credits_grant": "wallet_id = ANY(:people)",
    "credits_entry": "wallet_id = ANY(:people)",
    "credits_hold": "wallet_id = ANY(:people)",
    "credits_allocation": "EXISTS (SELECT 1 FROM credits_entry e WHERE e.id = entry_id AND e.wallet_id = ANY(:people))",
    "credits_holdallocation": "EXISTS (SELECT 1 FROM credits_hold h WHERE h.id = hold_id AND h.wallet_id = ANY(:people))",
}


class Migration(migrations.Migration):
    dependencies = [("credits", "0005_grant_terms")]

    operations = raise_walls(WALLS)
