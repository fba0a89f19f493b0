"""allauth's forms of second factors, held to what is ours: one use of a code, and our own origin for a passkey."""

import json
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as code_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as passkey_forms
from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _
from fido2.utils import websafe_decode

from accounts.factors import origin

# A code is good for the step before and after its own, too; it must not be used again in any of them.
TOTP_USED_SECONDS = 120
MAX_ANSWER_CHARACTERS = 16_384


class UsedOnce:
    """A form with the code of an authenticator app, which counts once."""

    user: Any
    authenticator: Authenticator

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            digits = "".join(filter(str.isdigit, code))
            if not cache.add(f"totp/{self.user.pk}/{digits}", 1, TOTP_USED_SECONDS):
                raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(UsedOnce, code_forms.AuthenticateForm):
    """The second step of signing in."""


class ReauthenticateForm(UsedOnce, code_forms.ReauthenticateForm):
    """Before something is changed."""


def require_our_origin(credential: Any) -> None:
    """Raise ValidationError unless the browser says that it made this answer on our own pages."""
    try:
        said = json.loads(websafe_decode(credential["response"]["clientDataJSON"]))["origin"]
    except (KeyError, TypeError, ValueError):
        said = None
    if said != origin():
        raise get_adapter().validation_error("incorrect_code")


class AnswerField(forms.JSONField):
    """What the browser says for a passkey, as it came; a bomb is only a wrong answer."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_ANSWER_CHARACTERS:
            raise get_adapter().validation_error("incorrect_code")
        try:
            return super().to_python(value)
        except RecursionError:
            raise get_adapter().validation_error("incorrect_code") from None


class OurOrigin(forms.Form):
    """A form with a passkey's answer."""

    credential = AnswerField()
    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Any:
        require_our_origin(self.cleaned_data["credential"])
        return super().clean_credential()  # type: ignore[misc]


class AuthenticatePasskeyForm(OurOrigin, passkey_forms.AuthenticateWebAuthnForm):
    """A passkey as the second step of signing in."""


class LoginPasskeyForm(OurOrigin, passkey_forms.LoginWebAuthnForm):
    """Signing in with a passkey alone."""


class ReauthenticatePasskeyForm(OurOrigin, passkey_forms.ReauthenticateWebAuthnForm):
    """A passkey before something is changed."""


class AddPasskeyForm(passkey_forms.AddWebAuthnForm):
    """A new passkey, or a security key that is a second factor only."""

    name = forms.CharField(
        label=_("Name"), required=False, max_length=80, help_text=_("Such as “Phone” or “Blue key”.")
    )
    passwordless = forms.BooleanField(
        label=_("Sign in with it alone, without a password"), required=False, initial=True, label_suffix=""
    )
    credential = AnswerField()

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        require_our_origin(credential)
        return credential
