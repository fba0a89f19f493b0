"""The pages of the wallet."""

from django.urls import path

from credits import views

urlpatterns = [
    path("credits/", views.credits_page, name="credits"),
    path("credits/statement.csv", views.statement_csv, name="statement_csv"),
    path("credits/low-balance/", views.low_balance, name="low_balance"),
]
