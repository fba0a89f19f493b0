"""Closing an account: everything a person made and was, gone in one transaction; the books stay, and add up."""

from django.db import transaction

from accounts import closing
from accounts.models import User
from credits import services as credits
from workspace.models import Cause, ImportedRow, Project, StorageEntry
from workspace.services.erasing import erase
from workspace.services.statement import workspace_of


@transaction.atomic
def close_account(*, user: User) -> User:
    """Delete the person's projects for good, let go of what is held, write off what credits are left, and forget them.

    Ledger and byte statement stay without their words, under a random name; from the next call on no app, session or
    key reaches them, and their user_id answers like one that never was, but for `create-user`: AccountClosed.
    Raises StaffAccount, and UserNotFound when it is closed already. There is no way back."""
    # The person before the wallet, in the order of create-user, so that the two cannot wait for each other.
    known = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    user_id = known.user_id
    credits.close_wallet(user=known)
    projects = Project.objects.owned_by(known)
    if projects.exists():
        erase(workspace_of(user=known), projects, Cause.PURGED)
    StorageEntry.objects.filter(workspace_id=known.pk).exclude(title="").update(title="")
    ImportedRow.objects.about(user_id).delete()
    closing.forget(known)
    return known
