"""Staff's pages of what allauth keeps of people: where they are signed in, and their second factors.

Its own let staff write such rows by hand, show the factors' data, and forget sessions that go on."""

import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401  (what both register is taken back below)
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.admin_site import Audited

admin.site.unregister([Authenticator, UserSession])


class Seen(Audited):
    """Rows that are looked at or deleted, and not written here."""

    list_select_related = ("user",)
    search_fields = ("user__email", "user__user_id")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Authenticator)
class AuthenticatorAdmin(Seen):
    """Deleting one helps whoever lost it; what it knows is not shown."""

    list_display = fields = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)


@admin.register(UserSession)
class UserSessionAdmin(Seen):
    """Deleting one signs its browser out."""

    list_display = fields = ("user", "created_at", "last_seen_at", "ip", "user_agent")

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        obj.end()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        for session in queryset:
            session.end()
