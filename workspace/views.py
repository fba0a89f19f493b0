"""The pages of the workspace: all projects, one project, storage and trash."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.browser import person
from accounts.models import ClientApp
from credits.models import Entry
from workspace import content, services
from workspace.delivery import serve_content, serve_thumbnail
from workspace.forms import ProjectFilter, RenameForm
from workspace.meter import meter_of
from workspace.models import Project, ProjectQuerySet
from workspace.templatetags.sizes import size

PER_PAGE = 48
TRASH_SHOWN = 100
# How many one form may move at once; the API's limit too.
MAX_CODES = 100
# Read by the lists: everything but what only the viewer and the search need.
HEAVY = ("search_text", "metadata", "encoder")


def _owned(request: HttpRequest) -> ProjectQuerySet:
    return Project.objects.owned_by(person(request)).select_related("app")


def _project(request: HttpRequest, code: str) -> Project:
    """The person's own project; anybody else's answers like one that does not exist."""
    return get_object_or_404(_owned(request), code=code)


def _back(request: HttpRequest, fallback: str) -> HttpResponse:
    """To where the form says it was, when that is here."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/")
    return redirect(target if safe else fallback)


@login_required
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """Where is that thing I made?"""
    filters = ProjectFilter(request.GET, ClientApp.objects.all())
    found = filters.apply(_owned(request).live().defer(*HEAVY))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    workspace = services.workspace_of(user=person(request))
    context = {
        "filters": filters,
        "page": page,
        "percent": 100 * workspace.used_bytes // max(1, workspace.limit_bytes),
        "available": workspace.available_bytes,
    }
    return render(request, "workspace/projects.html", context)


@login_required
@require_safe
def project(request: HttpRequest, code: str) -> HttpResponse:
    """The viewer: the picture or the text, what it cost, what it came from."""
    return _viewer(request, _project(request, code))


def _viewer(request: HttpRequest, shown: Project, form: RenameForm | None = None) -> HttpResponse:
    newer, older = _neighbours(request, shown)
    entries = Entry.objects.owned_by(person(request)).filter(project_code=shown.code).select_related("app")
    context: dict[str, Any] = {
        "project": shown,
        "text": content.raw_bytes(shown).decode() if shown.is_text else "",
        "prompt": shown.metadata.get("prompt", ""),
        "details": [(name, value) for name, value in shown.metadata.items() if name != "prompt"],
        "entries": entries.order_by("version"),
        "newer": newer,
        "older": older,
        "form": form or RenameForm(initial={"title": shown.title}),
    }
    return render(request, "workspace/project.html", context, status=400 if form else 200)


def _neighbours(request: HttpRequest, shown: Project) -> tuple[str | None, str | None]:
    """Codes of the next newer and the next older live project."""
    at = shown.created_at
    codes = _owned(request).live().values_list("code", flat=True)
    newer = codes.filter(Q(created_at__gt=at) | Q(created_at=at, id__gt=shown.pk)).order_by("created_at", "id")
    older = codes.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=shown.pk)).order_by("-created_at", "-id")
    return newer.first(), older.first()


@login_required
@require_safe
def project_content(request: HttpRequest, code: str) -> HttpResponse:
    """The bytes, for the viewer and for keeping."""
    return serve_content(request, _project(request, code))


@login_required
@require_safe
def project_thumbnail(request: HttpRequest, code: str) -> HttpResponse:
    """The small picture of the galleries."""
    return serve_thumbnail(request, get_object_or_404(_owned(request).defer(*HEAVY), code=code))


@login_required
@require_POST
def project_rename(request: HttpRequest, code: str) -> HttpResponse:
    """Give a project another title."""
    form = RenameForm(request.POST)
    shown = get_object_or_404(_owned(request).live(), code=code)
    if not form.is_valid():
        return _viewer(request, shown, form)
    changes = {"title": form.cleaned_data["title"]}
    services.update_project(user=person(request), app=None, project_code=code, changes=changes)
    messages.success(request, _("The project is renamed."))
    return redirect("project", code=code)


@login_required
@require_POST
def project_delete(request: HttpRequest, code: str) -> HttpResponse:
    """Move a project to the trash, with a way back."""
    title = _project(request, code).title
    services.trash(user=person(request), app=None, project_code=code)
    messages.info(request, _("“%(title)s” is in the trash.") % {"title": title}, extra_tags=f"undo:{code}")
    return _back(request, "projects")


@login_required
@require_POST
def projects_delete(request: HttpRequest) -> HttpResponse:
    """Move the selected projects to the trash, with one way back for all of them."""
    codes = _own_codes(request, request.POST.getlist("codes"))
    for code in codes:
        services.trash(user=person(request), app=None, project_code=code)
    if not codes:
        messages.warning(request, _("Nothing was selected, so nothing was deleted."))
        return _back(request, "projects")
    text = ngettext("%d project is in the trash.", "%d projects are in the trash.", len(codes)) % len(codes)
    messages.info(request, text, extra_tags=f"undo:{','.join(codes)}")
    return _back(request, "projects")


@login_required
@require_POST
def projects_restore(request: HttpRequest) -> HttpResponse:
    """Undo: take the named projects out of the trash again."""
    codes = _own_codes(request, request.POST.get("codes", "").split(","))
    for code in codes:
        services.restore(user=person(request), app=None, project_code=code)
    messages.success(request, ngettext("%d project is back.", "%d projects are back.", len(codes)) % len(codes))
    return _back(request, "projects")


def _own_codes(request: HttpRequest, codes: list[str]) -> list[str]:
    return list(_owned(request).filter(code__in=codes[:MAX_CODES]).values_list("code", flat=True))


@login_required
@require_POST
def project_restore(request: HttpRequest, code: str) -> HttpResponse:
    """Take one project out of the trash."""
    title = _project(request, code).title
    services.restore(user=person(request), app=None, project_code=code)
    messages.success(request, _("“%(title)s” is back among your projects.") % {"title": title})
    return _back(request, "storage")


@login_required
@require_POST
def project_purge(request: HttpRequest, code: str) -> HttpResponse:
    """Delete one trashed project for good."""
    shown = get_object_or_404(_owned(request).trashed(), code=code)
    freed = services.purge(user=person(request), app=None, project_code=shown.code)
    messages.success(
        request, _("“%(title)s” is deleted; %(size)s are free again.") % {"title": shown.title, "size": size(freed)}
    )
    return _back(request, "storage")


@login_required
@require_POST
def trash_empty(request: HttpRequest) -> HttpResponse:
    """Delete everything in the trash for good."""
    count, freed = services.empty_trash(user=person(request))
    text = ngettext("%(count)d project deleted", "%(count)d projects deleted", count) % {"count": count}
    messages.success(request, _("%(what)s; %(size)s are free again.") % {"what": text, "size": size(freed)})
    return redirect("storage")


@login_required
@require_safe
def storage(request: HttpRequest) -> HttpResponse:
    """What fills my megabyte, and how do I make room?"""
    report = services.storage_report(user=person(request))
    trashed = _owned(request).trashed().defer(*HEAVY).order_by("-trashed_at", "-id")
    context = {
        "meter": meter_of(report, ClientApp.objects.all()),
        "report": report,
        "largest": report["largest"],
        "trashed": trashed[:TRASH_SHOWN],
    }
    return render(request, "workspace/storage.html", context)
