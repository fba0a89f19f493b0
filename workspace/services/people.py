"""A person's whole start: identity, wallet and workspace in one transaction."""

from django.db import transaction

from accounts import services as accounts
from accounts.models import ClientApp, User
from credits import services as credits
from workspace.services.statement import open_workspace


@transaction.atomic
def join(*, user_id: str, username: str, email: str, app: ClientApp) -> tuple[User, bool]:
    """Make the person with 50 base and 10 bonus credits and an empty workspace, or update their name and email.

    Says whether they are new. The same `user_id` again grants nothing. Raises EmailTaken, AppNotConnected."""
    user, created = accounts.register(user_id=user_id, username=username, email=email, app=app)
    credits.wallet_of(user=user)
    open_workspace(user)
    return user, created
