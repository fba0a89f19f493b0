"""Every route of the product on one screen."""

from typing import Any

from allauth.account.views import logout
from django.contrib import admin
from django.urls import URLPattern, include, path, re_path
from django.views.generic import RedirectView

from accounts.events_api import EventViewSet
from accounts.login_links_api import LoginLinkViewSet
from credits.api import BonusViewSet, ChargeViewSet, HoldViewSet, PriceViewSet, RefundViewSet, TransactionViewSet
from credits.batches_api import BatchViewSet
from credits.purchases_api import PackageViewSet, PaymentWebhookViewSet, PurchaseViewSet
from unified import metrics, reference, styleguide, views
from unified.api import StrictFormParser, StrictJSONParser, api_not_found
from unified.live import LiveViewSet
from workspace.api import (
    AsStoredRenderer,
    CleanupViewSet,
    FileViewSet,
    ManyProjectsViewSet,
    ProjectViewSet,
    ReservationViewSet,
    StatementViewSet,
    StorageViewSet,
    UserViewSet,
    VersionViewSet,
)
from workspace.estimates import EstimateViewSet

CODE = r"(?P<code>[A-Za-z0-9]{1,40})"
VERSION = r"(?P<number>[0-9]{1,9})"
HOLD = r"(?P<hold_id>[A-Za-z0-9_]{1,40})"
TRANSACTION = r"(?P<transaction_id>[A-Za-z0-9_]{1,40})"
BYTES = {"renderer_classes": [AsStoredRenderer]}
FORM = {"parser_classes": [StrictJSONParser, StrictFormParser]}


def route(pattern: str, viewset: Any, options: dict[str, Any] | None = None, **actions: str) -> URLPattern:
    """An API path, with or without its trailing slash (a redirect would lose a POST)."""
    # DRF would say in `Allow` that OPTIONS is answered, which nothing here does.
    answered = {"http_method_names": [*actions, "head"], **(options or {})}
    made: URLPattern = re_path(rf"^{pattern}/?$", viewset.as_view(actions, **answered))
    return made


api = [
    route("create-user", UserViewSet, post="create"),
    route("user-info", UserViewSet, get="retrieve"),
    route("deduct-credits", ChargeViewSet, post="create"),
    route("deduct-credits/batch", BatchViewSet, post="create"),
    route("save-project", ProjectViewSet, FORM, post="create"),
    route("projects", ProjectViewSet, get="list"),
    route("projects/delete", ManyProjectsViewSet, post="remove"),
    route("projects/restore", ManyProjectsViewSet, post="restore"),
    route("projects/compress", ManyProjectsViewSet, post="compress"),
    route(f"project/{CODE}", ProjectViewSet, get="retrieve", patch="partial_update", delete="destroy"),
    route(f"project/{CODE}/content", FileViewSet, BYTES, get="content"),
    route(f"project/{CODE}/thumbnail", FileViewSet, BYTES, get="thumbnail"),
    route(f"project/{CODE}/versions", VersionViewSet, get="list"),
    route(f"project/{CODE}/versions/{VERSION}", VersionViewSet, get="retrieve"),
    route(f"project/{CODE}/versions/{VERSION}/restore", VersionViewSet, post="restore"),
    route("transactions", TransactionViewSet, get="list"),
    route(f"transaction/{TRANSACTION}/refund", RefundViewSet, post="create"),
    route("storage-stats", StorageViewSet, get="retrieve"),
    route("cleanup", CleanupViewSet, get="list"),
    route("storage-statement", StatementViewSet, get="list"),
    route("give-bonus-credits", BonusViewSet, post="create"),
    route("prices", PriceViewSet, get="list"),
    route("estimate", EstimateViewSet, FORM, post="create"),
    route("packages", PackageViewSet, get="list"),
    route("checkout", PurchaseViewSet, post="create"),
    route("purchases", PurchaseViewSet, get="list"),
    route("stripe/webhook", PaymentWebhookViewSet, post="create"),
    route("holds", ReservationViewSet, post="create"),
    route(f"hold/{HOLD}", HoldViewSet, get="retrieve", delete="destroy"),
    route(f"hold/{HOLD}/capture", HoldViewSet, post="capture"),
    route(f"hold/{HOLD}/release", HoldViewSet, post="release"),
    route(f"hold/{HOLD}/extend", HoldViewSet, post="extend"),
    route("login-link", LoginLinkViewSet, post="create"),
    route("events", EventViewSet, get="feed"),
    route("events/stream", LiveViewSet, get="stream"),
]

urlpatterns = [
    path("api/unified/", include(api)),
    path("api/schema", reference.schema, name="schema"),
    path("api/docs", reference.docs, name="docs"),
    re_path("^api(/|$)", api_not_found),
    route("ws/unified", LiveViewSet, get="talk"),
    path("", views.home, name="home"),
    path("apps.css", views.app_css, name="app_css"),
    path("theme", views.theme, name="theme"),
    path("", include("workspace.urls")),
    path("", include("credits.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/logout/", logout),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", metrics.metrics),
]

handler429 = "accounts.sign_in_views.slow_down"
handler400 = "unified.api.bad_request"
handler403 = "unified.api.permission_denied"
handler404 = "unified.api.page_not_found"
handler500 = "unified.api.server_error"
