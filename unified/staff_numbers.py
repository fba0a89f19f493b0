"""The numbers of the staff's start page: what all wallets and workspaces come to together. Reads only.

Each is asked for when it is shown, so a helper who may not see it costs nothing; their time grows with the ledger."""

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from accounts.auditing import snapshot
from accounts.models import ClientApp, User, WebhookDelivery, WebhookEndpoint
from credits import payments, spending
from credits.models import Entry, EntryType, Grant, Hold, PaymentEvent, Purchase, Wallet
from credits.spending import Spending
from workspace.models import Project, Workspace

DAYS = 30
GIVEN = (EntryType.BASE, EntryType.BONUS, EntryType.PURCHASED)
# From here on a workspace tells its owner that it fills up.
NEARLY_FULL = 0.95


class StaffNumbers:
    """How the installation is doing, now and over the last 30 days."""

    days = DAYS

    def __init__(self) -> None:
        self._since = timezone.now() - timedelta(days=DAYS)

    @cached_property
    def credits(self) -> dict[str, Any]:
        """What people can still spend, and whether entries, wallets and grants agree on it, all as of one moment."""
        sums = {"balance": Sum("balance", default=0), "held": Sum("held", default=0)}
        with snapshot():
            wallets = Wallet.objects.aggregate(**sums, n=Count("pk"))
            entries = Entry.objects.aggregate(total=Sum("amount", default=0))["total"]
            left = Grant.objects.filter(used_up=False).aggregate(total=Sum("remaining", default=0))["total"]
        return {**wallets, "entries": entries, "left": left, "agree": entries == wallets["balance"] == left}

    @cached_property
    def given(self) -> dict[str, int]:
        """Credits granted in these days, by where they came from, and in all."""
        entries = Entry.objects.filter(transaction_type__in=GIVEN, created_at__gte=self._since)
        totals = dict(entries.order_by().values_list("transaction_type").annotate(Sum("amount")))
        return {"total": sum(totals.values()), **{str(kind): totals.get(kind, 0) for kind in GIVEN}}

    @cached_property
    def spent(self) -> Spending:
        return spending.last_days_of_all(ClientApp.objects.all(), DAYS)

    @cached_property
    def sales(self) -> dict[str, Any]:
        """What was bought in these days, and how often a payment could not be booked since ever."""
        paid = Purchase.objects.filter(completed_at__gte=self._since)
        by_currency = paid.order_by("currency").values("currency")
        takings = by_currency.annotate(n=Count("pk"), credits=Sum("credits"), amount=Sum("price_amount"))
        refused = PaymentEvent.objects.filter(outcome=PaymentEvent.Outcome.REFUSED).count()
        return {"takings": list(takings), "refused": refused, "on_sale": payments.on_sale()}

    @cached_property
    def webhooks(self) -> dict[str, int]:
        """How many tellings were given up, of those still kept; and addresses, all and those switched off."""
        off = Count("pk", filter=Q(is_active=False))
        return {
            "failed": WebhookDelivery.objects.failed().count(),
            **WebhookEndpoint.objects.aggregate(n=Count("pk"), off=off),
        }

    @cached_property
    def holds(self) -> dict[str, int]:
        active = Hold.objects.filter(status=Hold.Status.ACTIVE)
        return active.aggregate(n=Count("pk"), credits=Sum(F("amount") - F("captured"), default=0))

    @cached_property
    def people(self) -> dict[str, int]:
        """All, and those who are new, without staff."""
        week = Q(created_at__gte=timezone.now() - timedelta(days=7))
        counts = {"n": Count("pk"), "week": Count("pk", filter=week)}
        return User.objects.filter(is_staff=False).aggregate(
            **counts, month=Count("pk", filter=Q(created_at__gte=self._since))
        )

    @cached_property
    def storage(self) -> dict[str, int]:
        """Bytes in use, of how many, in how many projects; and whose workspaces are nearly full."""
        full = Count("pk", filter=Q(used_bytes__gte=F("limit_bytes") * NEARLY_FULL))
        sums = {"used": Sum("used_bytes", default=0), "limit": Sum("limit_bytes", default=0)}
        return {**Workspace.objects.aggregate(**sums, full=full), "projects": Project.objects.live().count()}
