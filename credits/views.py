"""The credits page: balance, grants, holds, prices, and the statement with its CSV."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.browser import person
from accounts.models import ClientApp
from credits import pricing, services, spending
from credits.forms import StatementFilter
from credits.models import Entry, Hold

PER_PAGE = 30
CSV_COLUMNS = (
    "transaction_id",
    "created_at",
    "app_name",
    "transaction_type",
    "amount",
    "balance_after",
    "description",
    "project_code",
)
# A cell that starts like this is run as a formula when a spreadsheet opens the file.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """A file that hands back what is written to it, so that the CSV streams."""

    def write(self, line: str) -> str:
        return line


@login_required
@require_safe
def credits_page(request: HttpRequest) -> HttpResponse:
    """Where did my credits go, and what are they worth?"""
    user = person(request)
    wallet = services.wallet_of(user=user)
    now = timezone.now()
    prices = pricing.current()
    filters = StatementFilter(request.GET, list(ClientApp.objects.all()))
    entries = filters.apply(Entry.objects.owned_by(user).select_related("app").order_by("-version"))
    context: dict[str, Any] = {
        "wallet": wallet,
        "buys": spending.buys(wallet.available, prices),
        "grants": wallet.grants.spendable(now).in_burn_order(),
        "holds": Hold.objects.active(now)
        .filter(wallet=wallet)
        .select_related("app")
        .annotate(left=F("amount") - F("captured"))
        .order_by("-created_at"),
        "prices": prices,
        "filters": filters,
        "page": Paginator(entries, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "credits/credits.html", context)


@login_required
@require_safe
def statement_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The statement as filtered, newest first, as a file for a spreadsheet."""
    filters = StatementFilter(request.GET, list(ClientApp.objects.all()))
    entries = filters.apply(Entry.objects.owned_by(person(request)).select_related("app").order_by("-version"))
    response = StreamingHttpResponse(_lines(entries.iterator(chunk_size=1000)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="unified-statement.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


def _lines(entries: Iterator[Entry]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(CSV_COLUMNS)
    for entry in entries:
        yield writer.writerow(
            (
                entry.pk,
                entry.created_at.isoformat(timespec="seconds"),
                entry.app_name,
                entry.transaction_type,
                entry.amount,
                entry.balance_after,
                _harmless(entry.description),
                entry.project_code,
            )
        )


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
