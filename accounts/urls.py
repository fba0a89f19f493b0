"""The pages of the account; signing in and out is allauth's, under /accounts/."""

from allauth.account.decorators import reauthentication_required
from allauth.account.views import password_set
from django.urls import path

from accounts import sign_in_views, views
from accounts.oidc import asking
from accounts.oidc import views as oidc

urlpatterns = [
    path("accounts/signup/", sign_in_views.sign_up, name="account_signup"),
    path("accounts/signup/code/", sign_in_views.sign_up_code, name="signup_code"),
    path(
        "accounts/reauthenticate/code/",
        sign_in_views.ReauthenticateByCodeView.as_view(),
        name="reauthenticate_by_code",
    ),
    # Whoever came through an app must not get a way in of their own without proving who they are.
    path("accounts/password/set/", reauthentication_required(password_set), name="account_set_password"),
    path(".well-known/openid-configuration", oidc.configuration, name="oidc_configuration"),
    path("oauth/jwks.json", oidc.jwks, name="oidc_jwks"),
    path("oauth/authorize", asking.authorize, name="oidc_authorize"),
    path("oauth/token", oidc.token, name="oidc_token"),
    path("oauth/userinfo", oidc.userinfo, name="oidc_userinfo"),
    path("oauth/revoke", oidc.revoke, name="oidc_revoke"),
    path("accounts/link/<str:token>", views.follow_login_link, name="login_link"),
    path("apps/<slug:slug>/logo", views.app_logo, name="app_logo"),
    path("account/", views.account, name="account"),
    path("account/sessions/<int:number>/end", views.end_session, name="end_session"),
    path("account/apps/<slug:slug>/cap", views.app_cap, name="app_cap"),
    path("account/apps/<slug:slug>/disconnect", views.app_disconnect, name="app_disconnect"),
    path("account/apps/<slug:slug>/reconnect", views.app_reconnect, name="app_reconnect"),
]
