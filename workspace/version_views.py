"""What a person does with earlier versions of a project: look at one, and go back to it."""

from contextlib import suppress

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.browser import back, person
from workspace import services
from workspace.delivery import serve_content
from workspace.models import Project, ProjectVersion
from workspace.services.suggestions import MAX_CODES
from workspace.services.versions import as_it_was


@login_required
@require_safe
def project_version(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """The bytes that a project showed before."""
    project = get_object_or_404(Project.objects.owned_by(person(request)).select_related("app"), code=code)
    version = get_object_or_404(ProjectVersion, project=project, number=number)
    return serve_content(request, as_it_was(project, version))


@login_required
@require_POST
def version_restore(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Go back to what a project showed before, with a way back to what it shows now."""
    project = get_object_or_404(Project.objects.owned_by(person(request)).live(), code=code)
    try:
        services.restore_version(user=person(request), app=None, project_code=code, number=number)
    except services.VersionNotFound:
        messages.warning(request, _("This version is gone: it made way when its room was needed."))
        return redirect("project", code=code)
    messages.success(
        request,
        _("The project is as it was. What it showed until now is among its earlier versions."),
        extra_tags=f"revert:{code}-{project.version}",
    )
    return redirect("project", code=code)


@login_required
@require_POST
def projects_revert(request: HttpRequest) -> HttpResponse:
    """Undo: let each of the named projects show its named version again, as far as that is still there."""
    done, named = 0, request.POST.get("version", "").split(",")[:MAX_CODES]
    for code, number in _pairs(named):
        with suppress(services.ProjectNotFound, services.VersionNotFound):
            services.restore_version(user=person(request), app=None, project_code=code, number=number)
            done += 1
    text = ngettext("%d project is as it was.", "%d projects are as they were.", done) % done
    (messages.success if done == len(named) else messages.warning)(request, text)
    return back(request, "projects")


def _pairs(named: list[str]) -> list[tuple[str, int]]:
    """Codes and numbers out of "ABC234-1"."""
    split = [name.rpartition("-") for name in named]
    if not all(code.isalnum() and number.isascii() and number.isdecimal() for code, _dash, number in split):
        raise Http404
    return [(code, int(number)) for code, _dash, number in split]
