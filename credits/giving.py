"""The pages on which staff give bonus credits, correct a wallet and let a hold go: asked, shown, done once."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.admin_tools import Admin
from accounts.browser import person
from accounts.errors import DomainError
from accounts.models import User
from credits import services
from credits.models import DEFAULT_PRIORITY, MAX_AMOUNT, MAX_PRIORITY, GrantBatch, Hold, Wallet, counted


class BonusForm(forms.Form):
    """Who gets what and why. `key` is made with the page, so that the same page gives once."""

    amount = forms.IntegerField(min_value=1, max_value=MAX_AMOUNT, help_text=gettext_lazy("Credits for each user."))
    reason = forms.CharField(max_length=500, help_text=gettext_lazy("Users read this in their statement."))
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires at (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Leave empty for credits that stay."),
    )
    priority = forms.IntegerField(
        min_value=0,
        max_value=MAX_PRIORITY,
        initial=DEFAULT_PRIORITY,
        required=False,
        help_text=gettext_lazy("What is lower is spent first; 100 when left empty."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    count = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_expires_at(self) -> Any:
        at = self.cleaned_data["expires_at"]
        if at is not None and at <= timezone.now():
            raise forms.ValidationError(_("The expiry must be in the future."))
        return at

    def clean_priority(self) -> int:
        given = self.cleaned_data["priority"]
        return DEFAULT_PRIORITY if given is None else int(given)

    @property
    def batch_key(self) -> str:
        return f"staff:{self.cleaned_data['key']}"


class AdjustForm(forms.Form):
    """A correction; `version` is that of the wallet the page showed, so that a second click changes nothing."""

    amount = forms.IntegerField(
        min_value=-MAX_AMOUNT,
        max_value=MAX_AMOUNT,
        help_text=gettext_lazy("Credits to add, or with a minus sign to take."),
    )
    reason = forms.CharField(max_length=500, help_text=gettext_lazy("Users read this in their statement."))
    entry_id = forms.CharField(
        label=gettext_lazy("Entry"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("The entry it corrects, if it is one: txn_…"),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError(_("A correction of nothing is none."))
        return amount


def bonus_page(
    request: HttpRequest,
    admin: Admin,
    users: QuerySet[User],
    *,
    hidden: list[tuple[str, str]],
    back: str,
    audience: str = "",
) -> HttpResponse:
    """Ask, preview how many users and credits it will be, then grant once. `hidden` is posted back with each step.

    `audience` names the users where it is a filter that chooses them."""
    step = request.POST.get("step", "")
    form = BonusForm(request.POST if step else None)
    count = users.count()
    valid = form.is_valid() and step in ("preview", "confirm") and count > 0
    if valid and step == "confirm":
        if form.cleaned_data["count"] == count or GrantBatch.objects.filter(key=form.batch_key).exists():
            answer = _give(request, admin, form, users, back, audience)
            if answer is not None:
                return answer
            valid = False
        else:
            messages.warning(request, _("The number of users has changed meanwhile. Nothing was granted; look again."))
    context = {
        "title": _("Grant bonus credits"),
        "form": form,
        "preview": valid,
        "count": count,
        "some_users": users.order_by("pk")[:10],
        "total": count * form.cleaned_data["amount"] if valid else None,
        "hidden": hidden,
        "back": back,
    }
    return _page(request, admin, "admin/grant_bonus.html", context)


def _give(
    request: HttpRequest, admin: Admin, form: BonusForm, users: QuerySet[User], back: str, audience: str
) -> HttpResponse | None:
    """Grant and go back; None when it was refused, which the form then says."""
    terms = {name: form.cleaned_data[name] for name in ("amount", "reason", "expires_at", "priority")}
    terms |= {"key": form.batch_key, "audience": audience, "made_by": person(request)}
    try:
        batch, now = services.grant_once(users=users, **terms)
    except DomainError as refusal:
        form.add_error(None, refusal.detail)
        return None
    if now:
        admin.log_history(request, batch, services.in_words(batch))
        messages.success(request, _told(batch))
    else:
        messages.info(request, _told_again(batch))
    return HttpResponseRedirect(back)


def _told(batch: GrantBatch) -> str:
    told = ngettext(
        "%(count)d user was granted %(credits)s.", "%(count)d users were granted %(credits)s each.", batch.count
    )
    return told % {"count": batch.count, "credits": _credits(batch.amount)}


def _told_again(batch: GrantBatch) -> str:
    told = ngettext(
        "This was done already: %(count)d user got %(credits)s, once.",
        "This was done already: %(count)d users got %(credits)s each, once.",
        batch.count,
    )
    return told % {"count": batch.count, "credits": _credits(batch.amount)}


def _credits(amount: int) -> str:
    """So many credits in the reader's language."""
    return ngettext("%d credit", "%d credits", amount) % amount


def adjust_page(request: HttpRequest, admin: Admin, user: User, *, back: str) -> HttpResponse:
    """Correct one person's wallet, by staff and with a reason."""
    wallet: Wallet = services.wallet_of(user=user)
    asked = {"version": wallet.version, "entry_id": request.GET.get("entry_id", "")}
    form = AdjustForm(request.POST or None, initial=asked)
    if request.method == "POST" and form.is_valid():
        amount, reason = form.cleaned_data["amount"], form.cleaned_data["reason"]
        terms = {"entry_id": form.cleaned_data["entry_id"], "if_version": form.cleaned_data["version"]}
        try:
            services.adjust(user=user, amount=amount, reason=reason, **terms)
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
        else:
            admin.log_act(request, user, "wallet.adjusted", f"Corrected the wallet by {counted(amount, '+')}: {reason}")
            told = ngettext(
                "%(user)s has been corrected by %(amount)+d credit.",
                "%(user)s has been corrected by %(amount)+d credits.",
                abs(amount),
            )
            messages.success(request, told % {"user": user, "amount": amount})
            return HttpResponseRedirect(back)
    context = {"title": _("Correct the wallet of %s") % user, "form": form, "wallet": wallet, "back": back}
    return _page(request, admin, "admin/adjust_wallet.html", context)


class ReleaseForm(forms.Form):
    """Why a hold is let go."""

    reason = forms.CharField(max_length=500, help_text=gettext_lazy("For the audit log."))


def release_page(request: HttpRequest, admin: Admin, hold: Hold, *, back: str) -> HttpResponse:
    """Let a hold go for its app, by staff and with a reason."""
    form = ReleaseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.release(user=hold.wallet.user, app=None, hold_id=hold.pk)
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
        else:
            admin.log_act(request, hold, "hold.released", f"Released: {form.cleaned_data['reason']}")
            messages.success(request, _("%s has been released.") % hold)
            return HttpResponseRedirect(back)
    context = {"title": _("Release %s") % hold, "form": form, "hold": hold, "back": back}
    return _page(request, admin, "admin/release_hold.html", context)


def _page(request: HttpRequest, admin: Admin, template: str, context: dict[str, Any]) -> HttpResponse:
    site = admin.admin_site.each_context(request)
    return TemplateResponse(request, template, {**site, "opts": admin.opts, **context})
