"""What a person may change about themselves and their connected apps."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ProfileForm(forms.Form):
    """The name they are called by."""

    username = forms.CharField(
        label=_("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"})
    )


class DailyCapForm(forms.Form):
    """How many credits an app may spend in a day; empty for no limit."""

    daily_cap = forms.IntegerField(label=_("Daily cap"), required=False, min_value=0, max_value=1_000_000)
