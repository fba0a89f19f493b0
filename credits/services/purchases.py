"""Buying credits, up to the payment page: what happens there, the payment provider tells (payment_events)."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import InvalidField
from accounts.models import ClientApp, User
from credits import payments
from credits.models import Package, Purchase
from credits.services.wallets import wallet_of

# Stripe keeps a payment page open for 24 hours at most.
OPEN_FOR = timedelta(hours=23)
# A page that is about to close is not handed out again.
STILL_OPEN_FOR = timedelta(minutes=30)


def checkout(*, user: User, package_id: str, app: ClientApp | None = None) -> Purchase:
    """A payment page where the person buys the package, for 23 hours; the one that is still open when asked again.

    Talks to the payment provider, so it must not run inside a transaction. Nothing is paid and no credits come before
    the provider's webhook says so. Raises PaymentsOff, PaymentProviderUnavailable, and InvalidField for a package that
    is not on offer."""
    if not payments.on_sale():
        raise payments.PaymentsOff(_("Credits cannot be bought here: no payment provider is set up."))
    package = Package.objects.filter(package_id=package_id, is_active=True).first()
    if package is None:
        raise InvalidField("package_id", _("There is no such package on offer."), "unknown_package")
    wallet_of(user=user)
    return _open_page(user, package, app) or _open(_begin(user, package, app))


def _open_page(user: User, package: Package, app: ClientApp | None) -> Purchase | None:
    """The page on the same terms that is open already, so that two clicks do not pay twice."""
    terms = _terms(package)
    mine = Purchase.objects.owned_by(user).filter(package=package, app=app, **terms)
    return mine.payable(timezone.now() + STILL_OPEN_FOR).order_by("-created_at").first()


def _terms(package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "credits": package.credits,
        "price_amount": package.price_amount,
        "currency": package.currency,
        "livemode": payments.livemode(),
    }


def _begin(user: User, package: Package, app: ClientApp | None) -> Purchase:
    """Committed before the provider hears of it: a payment that we do not know of cannot come."""
    expires_at = timezone.now() + OPEN_FOR
    made = Purchase(wallet_id=user.pk, app=app, package=package, expires_at=expires_at, **_terms(package))
    made.save(force_insert=True)
    return Purchase.objects.select_related("wallet__user", "package", "app").get(pk=made.pk)


def _open(purchase: Purchase) -> Purchase:
    session = payments.open_session(purchase)
    purchase.session_id, purchase.checkout_url = session.id, session.url
    purchase.save(update_fields=["session_id", "checkout_url"])
    return purchase


def expire_purchases() -> int:
    """Close what nobody paid before its page closed, and return how many there were. A payment that comes all the same
    is still honoured."""
    over = Purchase.objects.filter(status=Purchase.Status.PENDING, expires_at__lte=timezone.now() - timedelta(hours=1))
    return over.update(status=Purchase.Status.EXPIRED, checkout_url="")
