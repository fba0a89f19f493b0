"""The pages of projects: all of them, one of them, and what is done to them there."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import feed
from accounts.browser import back, person
from accounts.models import ClientApp
from credits.models import Entry
from workspace import content, gallery, reading, services
from workspace.delivery import serve_content, serve_thumbnail
from workspace.forms import ProjectFilter, RenameForm, TagsForm
from workspace.gallery import HEAVY
from workspace.highlights import highlights_of
from workspace.models import Project, ProjectQuerySet
from workspace.templatetags.sizes import size

PER_PAGE = 48
VERSIONS = 20


def _owned(request: HttpRequest) -> ProjectQuerySet:
    return Project.objects.owned_by(person(request)).select_related("app")


def _project(request: HttpRequest, code: str) -> Project:
    """The person's own project; anybody else's answers like one that does not exist."""
    return get_object_or_404(_owned(request), code=code)


@login_required
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """Where is that thing I made?"""
    user, reached = person(request), feed.reached()
    filters = ProjectFilter(request.GET, ClientApp.objects.all())
    # Words are looked for in what an app knows of a project, too; without them a list has no use for it.
    unread = ("encoder",) if filters.words else HEAVY
    found = filters.narrow(_owned(request).live(), user).defer(*unread).order_by(*filters.order)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    workspace = services.workspace_of(user=user)
    context = {
        "reached": reached,
        "filters": filters,
        "tags": gallery.tags_of(user),
        "page": page,
        "groups": gallery.by_day(page, filters.order),
        "highlights": highlights_of(list(page), filters.words) if filters.words else {},
        "percent": 100 * workspace.used_bytes // max(1, workspace.limit_bytes),
        "available": workspace.available_bytes,
        "over": workspace.excess_bytes,
    }
    return render(request, "workspace/projects.html", context)


@login_required
@require_safe
def project(request: HttpRequest, code: str) -> HttpResponse:
    """The viewer: the picture or the text, what it cost, what it came from."""
    filters = ProjectFilter(request.GET, ClientApp.objects.all())
    return _viewer(request, get_object_or_404(filters.ranked(_owned(request)), code=code), filters)


def _viewer(
    request: HttpRequest, shown: Project, filters: ProjectFilter, form: RenameForm | None = None
) -> HttpResponse:
    user = person(request)
    entries = Entry.objects.owned_by(user).filter(project_code=shown.code).select_related("app").order_by("version")
    text = content.text_of(shown)
    words = len(text.split())
    context: dict[str, Any] = {
        "project": shown,
        "filters": filters,
        "beside": gallery.neighbours(filters.narrow(_owned(request).live(), person(request)), shown, filters.order),
        "text": text,
        "reading": reading.as_html(text, shown.title),
        "words": words,
        "minutes": reading.minutes(words),
        "prompt": shown.metadata.get("prompt", ""),
        "details": [(name, value) for name, value in shown.metadata.items() if name != "prompt"],
        "entries": entries,
        "cost": -sum(entry.amount for entry in entries),
        "tags": gallery.tags_of(user),
        "versions": shown.versions.order_by("-number").defer("encoder", "excerpt")[:VERSIONS],
        "form": form or RenameForm(initial={"title": shown.title}),
    }
    return render(request, "workspace/project.html", context, status=400 if form else 200)


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
        return _viewer(request, shown, ProjectFilter({}, ClientApp.objects.all()), form)
    changes = {"title": form.cleaned_data["title"]}
    services.update_project(user=person(request), app=None, project_code=code, changes=changes)
    messages.success(request, _("The project is renamed."))
    return redirect("project", code=code)


@login_required
@require_POST
def project_favourite(request: HttpRequest, code: str) -> HttpResponse:
    """Mark a project as a favourite, or no longer."""
    shown = get_object_or_404(_owned(request).live(), code=code)
    changes = {"favourite": not shown.favourite}
    services.update_project(user=person(request), app=None, project_code=code, changes=changes)
    return back(request, reverse("project", args=[code]))


@login_required
@require_POST
def project_tags(request: HttpRequest, code: str) -> HttpResponse:
    """Add a tag to a project or take one away."""
    shown = get_object_or_404(_owned(request).live(), code=code)
    form = TagsForm(request.POST, shown.tags)
    if form.is_valid():
        changes = {"tags": form.cleaned_data["tags"]}
        services.update_project(user=person(request), app=None, project_code=code, changes=changes)
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return back(request, reverse("project", args=[code]))


@login_required
@require_POST
def project_delete(request: HttpRequest, code: str) -> HttpResponse:
    """Move a project to the trash, with a way back."""
    title = _project(request, code).title
    services.trash(user=person(request), app=None, project_code=code)
    messages.info(request, _("“%(title)s” is in the trash.") % {"title": title}, extra_tags=f"undo:{code}")
    return back(request, "projects")


@login_required
@require_POST
def project_restore(request: HttpRequest, code: str) -> HttpResponse:
    """Take one project out of the trash."""
    title = _project(request, code).title
    services.restore(user=person(request), app=None, project_code=code)
    messages.success(request, _("“%(title)s” is back among your projects.") % {"title": title})
    return back(request, "storage")


@login_required
@require_POST
def project_purge(request: HttpRequest, code: str) -> HttpResponse:
    """Delete one trashed project for good."""
    shown = get_object_or_404(_owned(request).trashed(), code=code)
    freed = services.purge(user=person(request), app=None, project_code=shown.code)
    messages.success(
        request, _("“%(title)s” is deleted; %(size)s are free again.") % {"title": shown.title, "size": size(freed)}
    )
    return back(request, "storage")
