"""How people sign up here: allauth's flow on our user model."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Gives a new person a name to be called by: what stands before the @ of their address."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.username = form.cleaned_data["email"].split("@")[0]
        return super().save_user(request, user, form, commit)  # type: ignore[no-any-return]
