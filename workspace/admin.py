"""The support desk: people with their credits and storage, workspaces with their limits, projects without content."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import F, Model, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin_tools import Admin, ReadOnlyAdmin
from accounts.errors import DomainError
from accounts.models import User
from credits import giving
from credits.models import Wallet
from workspace import services
from workspace.models import Project, StorageEntry, Workspace
from workspace.support_desk import desk_of, percent_used
from workspace.templatetags.sizes import size

NOT_OPENED = _("not opened")


@admin.register(User)
class UserAdmin(Admin):
    """People as the support desk sees them. Apps and people make accounts; nobody deletes one here."""

    list_display = ("user_id", "username", "email", "available", "storage", "is_active", "is_staff", "since")
    list_filter = ("is_active", "is_staff", "created_at")
    search_fields = ("user_id", "email", "username")
    ordering = ("-id",)
    fields = ("user_id", "username", "email", "is_active", "created_at", "last_login")
    readonly_fields = ("user_id", "email", "created_at", "last_login")
    powers = ("is_staff", "is_superuser", "groups", "user_permissions")
    filter_horizontal = ("groups", "user_permissions")
    actions = ("grant_bonus",)
    change_form_template = "admin/accounts/user/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        wallet = Wallet.objects.filter(pk=OuterRef("pk")).annotate(spare=F("balance") - F("held")).values("spare")
        used = Workspace.objects.filter(pk=OuterRef("pk")).values("used_bytes")
        return User.objects.annotate(available_credits=Subquery(wallet), used_bytes=Subquery(used))

    @admin.display(description=_("credits"), ordering="available_credits")
    def available(self, user: Any) -> object:
        return NOT_OPENED if user.available_credits is None else user.available_credits

    @admin.display(description=_("storage"), ordering="used_bytes")
    def storage(self, user: Any) -> object:
        return NOT_OPENED if user.used_bytes is None else size(user.used_bytes)

    @admin.display(description=_("since"), ordering="created_at")
    def since(self, user: User) -> str:
        return f"{user.created_at:%Y-%m-%d}"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What is rarely changed is folded away; who may do what, only superusers see."""
        profile = (_("Profile"), {"fields": self.fields})
        powers = (_("Powers of staff"), {"fields": self.powers, "classes": ["collapse"]})
        return [profile, powers] if _is_superuser(request) else [profile]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # A permission's name is made from its content type: one query with, two hundred without.
        if db_field.name == "user_permissions":
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Helpers must not lock out those above them.
        above = isinstance(obj, User) and obj.is_superuser and not _is_superuser(request)
        return super().has_change_permission(request, obj) and not above

    def has_grant_bonus_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("credits.add_grantbatch")

    def has_adjust_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("credits.add_entry")

    @admin.action(description=_("Grant bonus credits"), permissions=["grant_bonus"])
    def grant_bonus(self, request: HttpRequest, users: QuerySet[User]) -> HttpResponse:
        """For the ticked users, or with “select all” for everybody who matches the filter."""
        across = request.POST.get("select_across", "0")
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        hidden = [("action", "grant_bonus"), ("select_across", across)]
        hidden += [(ACTION_CHECKBOX_NAME, pk) for pk in (ticked[:1] if across == "1" else ticked)]
        here = request.get_full_path()
        audience = f"filter {here}" if across == "1" else ""
        return giving.bonus_page(request, self, users, hidden=hidden, back=here, audience=audience)

    def get_urls(self) -> list[URLPattern]:
        pages = {"grant": self.grant_one, "adjust": self.adjust, "close": self.close}
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"accounts_user_{name}")
            for name, view in pages.items()
        ]
        return [*own, *super().get_urls()]

    def grant_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_grant_bonus_permission(request):
            raise PermissionDenied
        user = self._person(request, pk)
        return giving.bonus_page(request, self, User.objects.filter(pk=user.pk), hidden=[], back=_desk_url(user))

    def adjust(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_adjust_permission(request):
            raise PermissionDenied
        user = self._person(request, pk)
        return giving.adjust_page(request, self, user, back=_desk_url(user))

    def close(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Close the account for good: asked for with its user_id and a reason, and written into the audit log."""
        if not _may_close(request):
            raise PermissionDenied
        user = self._person(request, pk)
        form = CloseForm(user.user_id, request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                closed = services.close_account(user=user)
            except DomainError as refusal:
                form.add_error(None, refusal.detail)
            else:
                self.log_act(request, closed, "account.closed", f"Closed the account: {form.cleaned_data['reason']}")
                messages.success(request, _("The account is closed, and its person forgotten."))
                return HttpResponseRedirect(_desk_url(closed))
        site = self.admin_site.each_context(request)
        context = {**site, "title": _("Close the account of %s") % user, "form": form, "opts": self.opts}
        return TemplateResponse(request, "admin/close_account.html", {**context, "back": _desk_url(user)})

    def _person(self, request: HttpRequest, pk: int) -> User:
        user = self.get_object(request, str(pk))
        if user is None or not self.has_view_permission(request, user):
            raise Http404
        return cast(User, user)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context["original"]
        context["desk"] = desk_of(user)
        context["may_grant"] = self.has_grant_bonus_permission(request)
        context["may_adjust"] = self.has_adjust_permission(request)
        wallet = context["desk"]["wallet"]
        closed = wallet is not None and wallet.closed_at is not None
        context["may_close"] = not closed and not user.is_staff and _may_close(request)
        return super().render_change_form(request, context, *args, **kwargs)


def _may_close(request: HttpRequest) -> bool:
    return request.user.has_perm("accounts.delete_user")


class CloseForm(forms.Form):
    """That it is really this account, and why."""

    user_id = forms.CharField(max_length=128, help_text=_("The user_id of the account to be closed, as a safeguard."))
    reason = forms.CharField(max_length=500, help_text=_("For the audit log. Do not name the person."))

    def __init__(self, user_id: str, *args: Any) -> None:
        super().__init__(*args)
        self._user_id = user_id

    def clean_user_id(self) -> str:
        if self.cleaned_data["user_id"] != self._user_id:
            raise forms.ValidationError(_("This is not the user_id of the account."))
        return self._user_id


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _desk_url(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


@admin.register(Workspace)
class WorkspaceAdmin(Admin):
    """Quotas. Only the limit is set by hand; the used bytes are what the projects take."""

    list_display = ("user", "used", "limit", "percent")
    list_select_related = ("user",)
    search_fields = ("user__user_id", "user__email", "user__username")
    fields = ("user", "used_bytes", "limit_bytes")
    readonly_fields = ("user", "used_bytes")

    @admin.display(ordering="used_bytes")
    def used(self, workspace: Workspace) -> str:
        return str(size(workspace.used_bytes))

    @admin.display(ordering="limit_bytes")
    def limit(self, workspace: Workspace) -> str:
        return str(size(workspace.limit_bytes))

    @admin.display(description=_("full"))
    def percent(self, workspace: Workspace) -> str:
        return f"{percent_used(workspace)} %"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        """Through the service, under the owner's lock: saving the row as it was read could undo a project's bytes."""
        workspace = services.set_limit(user=obj.user, limit_bytes=obj.limit_bytes)
        if workspace.excess_bytes:
            over = ngettext(
                "The workspace is %(bytes)s byte over full. Nothing is lost; nothing new fits until it is freed.",
                "The workspace is %(bytes)s bytes over full. Nothing is lost; nothing new fits until they are freed.",
                workspace.excess_bytes,
            )
            messages.warning(request, over % {"bytes": intcomma(workspace.excess_bytes)})


@admin.register(StorageEntry)
class StorageEntryAdmin(ReadOnlyAdmin):
    """The byte statements, for whoever asks where their room went. Nobody changes them."""

    list_display = ("owner", "number", "cause", "app", "project_code", "delta_bytes", "used_after_bytes", "created_at")
    list_filter = ("cause", "app")
    list_select_related = ("workspace__user", "app")
    search_fields = ("project_code", "workspace__user__user_id", "workspace__user__email")
    ordering = ("-id",)
    fields = (*list_display, "title")

    @admin.display(ordering="workspace__user__user_id")
    def owner(self, entry: StorageEntry) -> str:
        return str(entry.workspace.user)


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    """What a project is, not what it says: staff do not read people's texts or look at their pictures."""

    list_display = ("code", "user", "app", "project_type", "title", "storage", "created_at", "trashed_at")
    list_filter = ("app", "project_type", ("trashed_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "app")
    search_fields = ("code", "user__user_id", "user__email")
    ordering = ("-id",)
    fields = (
        "code",
        "user",
        "app",
        "project_type",
        "title",
        "tags",
        "favourite",
        "file_size_bytes",
        "original_size_bytes",
        "content_type",
        "width",
        "height",
        "encoding",
        "encoder",
        "content_hash",
        "version",
        "created_at",
        "updated_at",
        "trashed_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return super().get_queryset(request).defer("excerpt", "metadata")

    @admin.display(ordering="file_size_bytes")
    def storage(self, project: Project) -> str:
        return str(size(project.file_size_bytes))
