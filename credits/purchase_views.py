"""Buying in a browser: from the credits page to the payment page, and the receipt of what was bought."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.browser import person
from credits import services
from credits.models import Purchase, PurchaseQuerySet


def _owned(request: HttpRequest) -> PurchaseQuerySet:
    return Purchase.objects.owned_by(person(request))


@login_required
@require_POST
def buy(request: HttpRequest) -> HttpResponse:
    """Open a payment page for a package."""
    purchase = services.checkout(user=person(request), package_id=request.POST.get("package_id", "")[:40])
    return redirect("pay", purchase.pk)


@login_required
@require_safe
def pay(request: HttpRequest, purchase_id: str) -> HttpResponse:
    """Leads on to the payment page by itself: as a page, since a form of ours may only lead to ourselves (CSP)."""
    purchase = get_object_or_404(_owned(request), pk=purchase_id)
    if purchase.status != Purchase.Status.PENDING or not purchase.checkout_url:
        return redirect("credits")
    return render(request, "credits/pay.html", {"purchase": purchase})


@login_required
@require_safe
def receipt(request: HttpRequest, purchase_id: str) -> HttpResponse:
    """What was bought, when, for how much, and what became of it; there is none for what was not paid."""
    purchase = get_object_or_404(_owned(request).filter(entry__isnull=False), pk=purchase_id)
    return render(request, "credits/receipt.html", {"purchase": purchase})
