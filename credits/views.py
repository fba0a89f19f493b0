"""The credits page: balance, grants, holds, prices, the statement with its CSV; and the low-balance setting."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts import feed
from accounts.browser import person
from accounts.models import ClientApp, User
from credits import pricing, services, shelf, spending, statements
from credits.forms import LowBalanceForm, StatementFilter
from credits.models import Entry, Hold, Purchase

PER_PAGE = 30
LONG_DAYS = 90
PURCHASES = 12


@login_required
@require_safe
def credits_page(request: HttpRequest) -> HttpResponse:
    """Where did my credits go, and what are they worth?"""
    user, reached = person(request), feed.reached()
    wallet = services.wallet_of(user=user)
    now = timezone.now()
    prices, apps = pricing.current(), list(ClientApp.objects.all())
    days = LONG_DAYS if request.GET.get("days") == str(LONG_DAYS) else spending.DAYS
    filters = StatementFilter(request.GET, apps)
    entries = filters.apply(Entry.objects.owned_by(user).select_related("app").order_by("-version"))
    page = Paginator(entries.prefetch_related(statements.DRAWN), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "reached": reached,
        "wallet": wallet,
        "buys": spending.buys(wallet.available, prices),
        "spending": spending.last_days(user, apps, days),
        "grants": wallet.grants.spendable(now).in_burn_order(),
        "holds": Hold.objects.active(now)
        .filter(wallet=wallet)
        .select_related("app")
        .annotate(left=F("amount") - F("captured"))
        .order_by("-created_at"),
        "prices": prices,
        "offers": shelf.offers(prices),
        "purchases": Purchase.objects.owned_by(user).shown().order_by("-created_at")[:PURCHASES],
        "bought": _bought(user, request.GET.get("purchase", "")),
        "filters": filters,
        "page": page,
        "statement": statements.by_day(page),
    }
    return render(request, "credits/credits.html", context)


def _bought(user: User, purchase_id: str) -> Purchase | None:
    """The purchase whose payment page led back here."""
    known = purchase_id.isascii() and purchase_id.isidentifier()
    return Purchase.objects.owned_by(user).filter(pk=purchase_id).first() if known else None


@login_required
@require_safe
def statement_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The statement as filtered, newest first, as a file for a spreadsheet."""
    user = person(request)
    services.wallet_of(user=user)
    filters = StatementFilter(request.GET, list(ClientApp.objects.all()))
    entries = filters.apply(Entry.objects.owned_by(user).select_related(*statements.SHOWN).order_by("-version"))
    lines = statements.csv_lines(entries.iterator(chunk_size=1000))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="unified-statement.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def low_balance(request: HttpRequest) -> HttpResponse:
    """Set the number of credits at which to be told."""
    form = LowBalanceForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("It must be a whole number from 0 to 1,000,000, or empty."))
        return redirect("account")
    mark = form.cleaned_data["low_mark"] or 0
    services.set_low_mark(user=person(request), credits=mark)
    told = ngettext("We write to you when %d credit is left.", "We write to you when %d credits are left.", mark)
    messages.success(request, told % mark if mark else _("We do not write to you about low credits."))
    return redirect("account")
