"""The pages of the wallet."""

from django.urls import path

from credits import purchase_views, views

urlpatterns = [
    path("credits/", views.credits_page, name="credits"),
    path("credits/statement.csv", views.statement_csv, name="statement_csv"),
    path("credits/buy/", purchase_views.buy, name="buy"),
    path("credits/purchases/<slug:purchase_id>/pay/", purchase_views.pay, name="pay"),
    path("credits/purchases/<slug:purchase_id>/", purchase_views.receipt, name="receipt"),
    path("credits/low-balance/", views.low_balance, name="low_balance"),
]
