"""The storage page: what fills the workspace, what makes room, the trash, the statement, and what its owner chose."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts import feed
from accounts.browser import person
from accounts.models import ClientApp
from credits.statements import by_day
from workspace import services, statements, treemap
from workspace.forms import LowStorageForm, PreferencesForm
from workspace.gallery import HEAVY
from workspace.meter import meter_of
from workspace.models import Project, StorageEntry
from workspace.services.suggestions import compressible
from workspace.services.versions import keeps
from workspace.templatetags.sizes import size

TRASHED_PER_PAGE = 20
OFFERS_SHOWN = 5
ENTRIES_PER_PAGE = 15


@login_required
@require_safe
def storage(request: HttpRequest) -> HttpResponse:
    """What fills my megabyte, and how do I make room?"""
    user, reached = person(request), feed.reached()
    report = services.storage_report(user=user)
    stats = report["storage_stats"]
    trashed = (
        Project.objects.owned_by(user).trashed().select_related("app").defer(*HEAVY).order_by("-trashed_at", "-id")
    )
    entries = StorageEntry.objects.owned_by(user).select_related("app").order_by("-number")
    page = Paginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
    offers = compressible(user)
    frees, replaced = sum(it.frees_bytes for it in offers), sum(it.projects[0].file_size_bytes for it in offers)
    context: dict[str, Any] = {
        "reached": reached,
        "meter": meter_of(report, ClientApp.objects.all()),
        "map": treemap.map_of(user, stats["used_bytes"], stats["limit_bytes"]),
        "report": report,
        "largest": report["largest"],
        "offers": offers[:OFFERS_SHOWN],
        "offered": len(offers),
        "offered_codes": ",".join(code for offer in offers for code in offer.codes),
        "offered_bytes": frees,
        "undoable": keeps(services.workspace_of(user=user), replaced, frees),
        "trashed": Paginator(trashed, TRASHED_PER_PAGE).get_page(request.GET.get("trash")),
        "preferences": PreferencesForm.showing(report["storage_preferences"]),
        "page": page,
        "statement": by_day(page),
    }
    return render(request, "workspace/storage.html", context)


@login_required
@require_POST
def trash_empty(request: HttpRequest) -> HttpResponse:
    """Delete everything in the trash for good."""
    count, freed = services.empty_trash(user=person(request))
    text = ngettext("%(count)d project deleted", "%(count)d projects deleted", count) % {"count": count}
    messages.success(request, _("%(what)s; %(size)s are free again.") % {"what": text, "size": size(freed)})
    return redirect("storage")


@login_required
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Choose what happens when something does not fit."""
    form = PreferencesForm(request.POST)
    form.is_valid()
    services.set_preferences(user=person(request), **form.chosen)
    messages.success(request, _("From now on, every app saves by what you chose."))
    return redirect("storage")


@login_required
@require_safe
def statement_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Every change of the used bytes, newest first, as a file for a spreadsheet."""
    entries = StorageEntry.objects.owned_by(person(request)).select_related("app").order_by("-number")
    lines = statements.csv_lines(entries.iterator(chunk_size=1_000))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="unified-storage.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def low_storage(request: HttpRequest) -> HttpResponse:
    """Set how many percent are used when one is told."""
    form = LowStorageForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("It must be a whole number from 0 to 100, or empty."))
        return redirect("account")
    mark = form.cleaned_data["full_mark"] or 0
    services.set_full_mark(user=person(request), percent=mark)
    told = _("We write to you when %d %% of your storage is used.") % mark
    messages.success(request, told if mark else _("We do not write to you about your storage."))
    return redirect("account")
