"""What a person may change about themselves and their connected apps."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class ProfileForm(forms.ModelForm[User]):
    """The name they are called by."""

    class Meta:
        model = User
        fields = ("username",)
        labels = {"username": _("Name")}
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"})}


class DailyCapForm(forms.Form):
    """How many credits an app may spend in a day; empty for no limit."""

    daily_cap = forms.IntegerField(label=_("Daily cap"), required=False, min_value=0, max_value=1_000_000)
