"""The end of an account: who the person was is forgotten, and what must stay is left under a random name."""

import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import CASCADE

from accounts import audit, idempotency, sessions
from accounts.errors import DomainError
from accounts.models import ClosedAccount, ClosedAddress, User

CLOSED_DOMAIN = "@closed.invalid"


class StaffAccount(DomainError):
    """Whoever keeps the books is not forgotten while they do."""

    code = "staff_account"
    status = 409
    title = "Staff account"


def forget(user: User) -> None:
    """Delete what is the person's alone, and give what stays (the ledger above all) an owner without name or address.

    Sessions end and ways to sign in are gone at once; the user_id is never given to anybody again. The caller holds the
    person's row. Raises StaffAccount."""
    if user.is_staff:
        raise StaffAccount("Staff cannot be forgotten: take away their rights first.")
    ClosedAccount.objects.create(digest=ClosedAccount.digest_of(user.user_id))
    _remember_addresses(user)
    sessions.end_all(user)
    idempotency.forget(user.user_id)
    audit.erase(user)
    _delete_what_is_theirs(user)
    _become_nobody(user)
    type_of_user = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=type_of_user, object_id=str(user.pk)).update(object_repr=str(user))


def had_credits(email: str) -> bool:
    """Whether an account that is closed had this address, and its sign-up credits."""
    return ClosedAddress.objects.filter(digest=ClosedAddress.digest_of(email)).exists()


def _remember_addresses(user: User) -> None:
    proved = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    digests = {ClosedAddress.digest_of(email) for email in (user.email, *proved)}
    ClosedAddress.objects.bulk_create([ClosedAddress(digest=each) for each in sorted(digests)], ignore_conflicts=True)


def is_forgotten(user: User) -> bool:
    """Whether `user` is what is left of a person who closed their account."""
    return user.email.endswith(CLOSED_DOMAIN) and not user.is_active


def _delete_what_is_theirs(user: User) -> None:
    """Every row that would go with the person's own: connections, events, mail, addresses, passkeys and the like."""
    relations: list[Any] = list(User._meta.get_fields(include_hidden=True))
    for relation in relations:
        # Of the admin's log they are the author, once staff themselves: what staff did is kept.
        if getattr(relation, "on_delete", None) is CASCADE and relation.related_model is not LogEntry:
            relation.related_model._base_manager.filter(**{relation.field.name: user}).delete()


def _become_nobody(user: User) -> None:
    user.user_id = f"closed_{secrets.token_hex(16)}"
    user.username, user.email = "closed account", f"{user.user_id}{CLOSED_DOMAIN}"
    user.is_active, user.is_superuser, user.last_login = False, False, None
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
