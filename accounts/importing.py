"""Takes over a person from another installation's export, with what they had set for the apps they let in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.errors import EmailTaken, InvalidField
from accounts.models import ClientApp, Connection, User


@transaction.atomic
def take_over_person(
    *, user_id: str, username: str, email: str, created_at: datetime, connections: Sequence[dict[str, Any]]
) -> User:
    """Make the person an export is of, without a password: they come in by a mail to their address.

    Their daily caps and the apps they shut out come along, as far as the apps are here. Raises InvalidField
    when the user_id is somebody's here already, AccountClosed when it was, and EmailTaken."""
    if User.objects.filter(user_id=user_id).exists():
        raise InvalidField("user_id", f"There is a user {user_id} here already.")
    if User.objects.filter(email=email.lower()).exists():
        raise EmailTaken(f"The address {email} belongs to another user here.")
    user = User.objects.create_user(email, username, user_id=user_id, created_at=created_at)
    apps = {app.slug: app for app in ClientApp.objects.all()}
    known = [terms for terms in connections if terms["app_name"] in apps]
    Connection.objects.bulk_create(
        Connection(
            user=user,
            app=apps[terms["app_name"]],
            created_at=terms["created_at"],
            daily_cap=terms["daily_cap"],
            disconnected_at=terms["disconnected_at"],
        )
        for terms in known
    )
    return user
