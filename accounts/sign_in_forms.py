"""The forms of signing up and in that are ours."""

from typing import Any

from allauth.account import forms as account_forms
from allauth.account.adapter import get_adapter
from allauth.account.fields import EmailField, PasswordField
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import addresses
from accounts.models import User


class SignUpForm(forms.Form):
    """An address and a password. Whether the address is taken is not said here."""

    email = EmailField(required=True)
    password1 = PasswordField(label=_("Password"), autocomplete="new-password")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean_password1(self) -> str:
        password = str(self.cleaned_data["password1"])
        return str(get_adapter().clean_password(password, user=User(email=self.data.get("email", ""))))


class CodeForm(forms.Form):
    """The code that went out by mail."""

    code = forms.CharField(
        label=_("Code"), max_length=40, widget=forms.TextInput(attrs={"autocomplete": "one-time-code"})
    )


class LoginCodeForm(account_forms.RequestLoginCodeForm):
    """Asks for a code to sign in with; the code proves the address an app gave, too."""

    _user: User | None

    def clean_email(self) -> str:
        email: str = super().clean_email()
        _note([self._user] if self._user else [])
        return email


class ResetForm(account_forms.ResetPasswordForm):
    """Asks for a code to choose a new password with."""

    users: list[User]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        _note(self.users)
        return email


def _note(users: list[Any]) -> None:
    for user in users:
        addresses.note_unproven(user)
