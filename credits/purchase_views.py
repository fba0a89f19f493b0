"""Buying in a browser: from the credits page to the payment page, and the receipt of what was bought."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.browser import person
from accounts.errors import NotFound
from credits import services
from credits.models import Purchase


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
    purchase = services.purchase_of(user=person(request), purchase_id=purchase_id)
    if purchase.status != Purchase.Status.PENDING or not purchase.checkout_url:
        return redirect("credits")
    return render(request, "credits/pay.html", {"purchase": purchase})


@login_required
@require_safe
def receipt(request: HttpRequest, purchase_id: str) -> HttpResponse:
    """What was bought, when, for how much, and what became of it."""
    purchase = services.purchase_of(user=person(request), purchase_id=purchase_id)
    if purchase.entry_id is None:
        raise NotFound(_("There is no receipt for what was not paid."))
    return render(request, "credits/receipt.html", {"purchase": purchase})
