"""Signing up, where nothing is stored before the address is proved; proving oneself by mail; and being told to wait."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import verify_email_indirectly
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import complete_signup, get_next_redirect_url, passthrough_next_redirect_url
from allauth.account.views import BaseReauthenticateView
from allauth.core.ratelimit import consume
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import addresses, mailed_codes
from accounts.browser import person
from accounts.sign_in_forms import CodeForm, SignUpForm

SIGN_UP, PROVE = "sign-up", "prove"


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password1")
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for an address and a password and send a code; the same page, work and answer whether it is taken or not."""
    if request.user.is_authenticated:
        return redirect("home")
    if not get_adapter(request).is_open_for_signup(request):
        return render(request, "account/signup_closed.html")
    form = SignUpForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        here = passthrough_next_redirect_url(request, request.path, "next")
        login = passthrough_next_redirect_url(request, "/accounts/login/", "next")
        return render(request, "account/signup.html", {"form": form, "action_url": here, "login_url": login})
    email = form.cleaned_data["email"]
    if not consume(request, action="signup", key=email):
        return slow_down(request)
    _send_sign_up_code(request, email, make_password(form.cleaned_data["password1"]))
    return redirect("signup_code")


def _send_sign_up_code(request: HttpRequest, email: str, password_hash: str) -> None:
    onward = get_next_redirect_url(request) or ""
    free = addresses.is_free(email)
    code = mailed_codes.begin(request, SIGN_UP, email, password=password_hash, next=onward)
    if free:
        get_adapter(request).send_mail("account/email/signup_code", email, {"code": code})
    else:
        # Nobody is told this code.
        get_adapter(request).send_account_already_exists_mail(email)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_up_code(request: HttpRequest) -> HttpResponse:
    """Make the account once the code is right, and sign its person in."""
    begun = mailed_codes.pending(request, SIGN_UP)
    if begun is None:
        return redirect("account_signup")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if mailed_codes.fits(request, SIGN_UP, form.cleaned_data["code"]):
            return _join(request, begun)
        if mailed_codes.pending(request, SIGN_UP) is None:
            messages.error(request, get_adapter().error_messages["too_many_login_attempts"])
            return redirect("account_signup")
        form.add_error("code", get_adapter().error_messages["incorrect_code"])
    return render(request, "account/signup_code.html", {"form": form, "email": begun["email"]})


def _join(request: HttpRequest, begun: dict[str, Any]) -> HttpResponse:
    user = addresses.sign_up(email=begun["email"], password_hash=begun["password"])
    if user is None:
        messages.error(request, _("This address has an account by now. Sign in to it with a code."))
        return redirect("account_request_login_code")
    response: HttpResponse = complete_signup(request, user, "none", begun["next"] or None)
    return response


@method_decorator(login_required, name="dispatch")
@method_decorator(never_cache, name="dispatch")
class ReauthenticateByCodeView(BaseReauthenticateView):
    """For a person with neither password nor second factor, who came through an app: is the mailbox theirs?"""

    form_class = CodeForm
    template_name = "account/reauthenticate_by_code.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "send" not in request.POST:
            answer: HttpResponse = super().post(request, *args, **kwargs)
            return answer
        email = person(request).email
        if not consume(request, action="request_login_code", key=email):
            return slow_down(request)
        code = mailed_codes.begin(request, PROVE, email)
        get_adapter(request).send_mail("account/email/login_code", email, {"code": code, "request": request})
        return redirect(self.passthrough_next_url(request.path))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        begun = mailed_codes.pending(self.request, PROVE)
        return {**super().get_context_data(**kwargs), "sent_to": begun["email"] if begun else ""}

    def form_valid(self, form: CodeForm) -> HttpResponse:
        user, begun = person(self.request), mailed_codes.pending(self.request, PROVE)
        still = begun is not None and begun["email"] == user.email
        if not mailed_codes.fits(self.request, PROVE, form.cleaned_data["code"]) or not still:
            form.add_error("code", ValidationError(get_adapter().error_messages["incorrect_code"]))
            refusal: HttpResponse = self.form_invalid(form)
            return refusal
        addresses.note_unproven(user)
        verify_email_indirectly(self.request, user, user.email)
        record_authentication(self.request, user, method="code", email=user.email, reauthenticated=True)
        answer: HttpResponse = super().form_valid(form)
        return answer


def slow_down(request: HttpRequest) -> HttpResponse:
    """Too many attempts from here or for this account; allauth's limits count by the minute."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response
