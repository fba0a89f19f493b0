"""The account page: profile, and who may act for this person; and the apps' logos."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts import factors, feed, login_links, rate_limits, services, sessions
from accounts.browser import person
from accounts.forms import DailyCapForm, ProfileForm
from accounts.models import AppLogo, Connection, User


def _connection(request: HttpRequest, slug: str) -> Connection:
    return get_object_or_404(Connection.objects.select_related("app"), user=person(request), app__slug=slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Who can get at this? A POST changes the profile."""
    user, reached = person(request), feed.reached()
    form = ProfileForm(request.POST if request.method == "POST" else None, initial={"username": user.username})
    if form.is_valid():
        User.objects.filter(pk=user.pk).update(username=form.cleaned_data["username"])
        messages.success(request, _("Your profile is saved."))
        return redirect("account")
    connections = Connection.objects.filter(user=user).select_related("app").order_by("app__name")
    context = {"reached": reached, "form": form, "connections": connections, **factors.overview(user)}
    return render(request, "accounts/account.html", context, status=400 if form.is_bound else 200)


@login_required
@require_POST
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    """Sign the person out in one place."""
    if not sessions.end(person(request), number):
        raise Http404
    messages.success(request, _("You are signed out there."))
    return redirect("usersessions_list")


@login_required
@require_POST
def app_cap(request: HttpRequest, slug: str) -> HttpResponse:
    """Set or lift an app's daily cap."""
    connection, form = _connection(request, slug), DailyCapForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The daily cap must be a whole number from 0 to 1,000,000, or empty."))
        return redirect("account")
    cap = form.cleaned_data["daily_cap"]
    services.set_daily_cap(user=person(request), app=connection.app, credits=cap)
    if cap is None:
        messages.success(request, _("%(app)s may spend without a daily cap.") % {"app": connection.app.name})
    else:
        messages.success(
            request, _("%(app)s may spend %(cap)d credits a day.") % {"app": connection.app.name, "cap": cap}
        )
    return redirect("account")


@login_required
@require_POST
def app_disconnect(request: HttpRequest, slug: str) -> HttpResponse:
    """Shut an app out."""
    connection = _connection(request, slug)
    services.disconnect(user=person(request), app=connection.app)
    messages.success(
        request, _("%(app)s is disconnected. What you made with it stays yours.") % {"app": connection.app.name}
    )
    return redirect("account")


@login_required
@require_POST
def app_reconnect(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a disconnected app back in."""
    connection = _connection(request, slug)
    services.reconnect(user=person(request), app=connection.app)
    messages.success(request, _("%(app)s is connected again.") % {"app": connection.app.name})
    return redirect("account")


@require_GET
def follow_login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign the person in and show the dashboard, whoever was signed in here before. A second factor is still asked."""
    user = login_links.redeem(token=token)
    if user is None:
        # Guessing one of 2^256 is hopeless; guessing often is stopped all the same.
        rate_limits.refuse_strangers(request)
        response = render(request, "accounts/link_over.html", status=410)
    else:
        if request.user != user:
            request.session.flush()
        response = perform_login(request, user, email_verification="none", redirect_url=reverse("home"))
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def app_logo(request: HttpRequest, slug: str) -> HttpResponse:
    """An app's logo. Its address on the pages names the version, so it may be kept for ever."""
    logo = get_object_or_404(AppLogo.objects.select_related("app"), app__slug=slug)
    response = HttpResponse(bytes(logo.data), content_type="image/webp")
    current = request.GET.get("v") == logo.app.logo_version
    response["Cache-Control"] = "public, max-age=31536000, immutable" if current else "public, no-cache"
    return response
