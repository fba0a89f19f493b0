"""The pages of the account; signing in and out is allauth's, under /accounts/."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/apps/<slug:slug>/cap", views.app_cap, name="app_cap"),
    path("account/apps/<slug:slug>/disconnect", views.app_disconnect, name="app_disconnect"),
    path("account/apps/<slug:slug>/reconnect", views.app_reconnect, name="app_reconnect"),
]
