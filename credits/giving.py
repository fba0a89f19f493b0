"""The pages on which staff give bonus credits and correct a wallet: asked, shown in numbers, done once."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.admin import Admin
from accounts.browser import person
from accounts.errors import DomainError
from accounts.models import User
from credits import services
from credits.models import MAX_AMOUNT, GrantBatch, Wallet


class BonusForm(forms.Form):
    """Who gets what and why. `key` is made with the page, so that the same page gives once."""

    amount = forms.IntegerField(min_value=1, max_value=MAX_AMOUNT, help_text="Credits for each user.")
    reason = forms.CharField(max_length=500, help_text="Users read this in their statement.")
    expires_at = forms.DateTimeField(
        label="Expires at (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Leave empty for credits that stay.",
    )
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    count = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_expires_at(self) -> Any:
        at = self.cleaned_data["expires_at"]
        if at is not None and at <= timezone.now():
            raise forms.ValidationError("The expiry must be in the future.")
        return at

    @property
    def batch_key(self) -> str:
        return f"staff:{self.cleaned_data['key']}"


class AdjustForm(forms.Form):
    """A correction; `version` is that of the wallet the page showed, so that a second click changes nothing."""

    amount = forms.IntegerField(
        min_value=-MAX_AMOUNT, max_value=MAX_AMOUNT, help_text="Credits to add, or with a minus sign to take."
    )
    reason = forms.CharField(max_length=500, help_text="Users read this in their statement.")
    version = forms.IntegerField(widget=forms.HiddenInput)

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError("A correction of nothing is none.")
        return amount


def bonus_page(
    request: HttpRequest, admin: Admin, users: QuerySet[User], *, hidden: list[tuple[str, str]], back: str
) -> HttpResponse:
    """Ask, preview how many users and credits it will be, then grant once. `hidden` is posted back with each step."""
    step = request.POST.get("step", "")
    form = BonusForm(request.POST if step else None)
    count = users.count()
    valid = form.is_valid() and step in ("preview", "confirm") and count > 0
    if valid and step == "confirm":
        if form.cleaned_data["count"] == count or GrantBatch.objects.filter(key=form.batch_key).exists():
            answer = _give(request, admin, form, users, back)
            if answer is not None:
                return answer
            valid = False
        else:
            messages.warning(request, "The number of users has changed meanwhile. Nothing was granted; look again.")
    context = {
        "title": "Grant bonus credits",
        "form": form,
        "preview": valid,
        "count": count,
        "some_users": users.order_by("pk")[:10],
        "total": count * form.cleaned_data["amount"] if valid else None,
        "hidden": hidden,
        "back": back,
    }
    return _page(request, admin, "admin/grant_bonus.html", context)


def _give(request: HttpRequest, admin: Admin, form: BonusForm, users: QuerySet[User], back: str) -> HttpResponse | None:
    """Grant and go back; None when it was refused, which the form then says."""
    terms = {name: form.cleaned_data[name] for name in ("amount", "reason", "expires_at")}
    try:
        batch, now = services.grant_once(key=form.batch_key, users=users, made_by=person(request), **terms)
    except DomainError as refusal:
        form.add_error(None, refusal.detail)
        return None
    if now:
        admin.log_addition(request, batch, f"Granted {batch.amount} credits to each of {batch.count} users.")
        messages.success(request, f"{batch.count} users were granted {batch.amount} credits each.")
    else:
        messages.info(request, f"This was done already: {batch.count} users got {batch.amount} credits each, once.")
    return HttpResponseRedirect(back)


def adjust_page(request: HttpRequest, admin: Admin, user: User, *, back: str) -> HttpResponse:
    """Correct one person's wallet, by staff and with a reason."""
    wallet: Wallet = services.wallet_of(user=user)
    form = AdjustForm(request.POST or None, initial={"version": wallet.version})
    if request.method == "POST" and form.is_valid():
        amount, reason = form.cleaned_data["amount"], form.cleaned_data["reason"]
        try:
            services.adjust(user=user, amount=amount, reason=reason, if_version=form.cleaned_data["version"])
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
        else:
            admin.log_change(request, user, f"Corrected the wallet by {amount:+} credits: {reason}")
            messages.success(request, f"{user} has been corrected by {amount:+} credits.")
            return HttpResponseRedirect(back)
    context = {"title": f"Correct the wallet of {user}", "form": form, "wallet": wallet, "back": back}
    return _page(request, admin, "admin/adjust_wallet.html", context)


def _page(request: HttpRequest, admin: Admin, template: str, context: dict[str, Any]) -> HttpResponse:
    site = admin.admin_site.each_context(request)
    return TemplateResponse(request, template, {**site, "opts": admin.opts, **context})
