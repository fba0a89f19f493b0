"""What a person does with many projects at once: trash, restore, compress."""

from collections.abc import Iterable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.browser import back, person, safe_next
from workspace import services
from workspace.compression import offer_for
from workspace.models import CODE_ALPHABET, Project
from workspace.services.bulk import Outcome
from workspace.services.statement import workspace_of
from workspace.services.suggestions import MAX_CODES
from workspace.services.versions import keeps
from workspace.templatetags.sizes import size


@login_required
@require_POST
def projects_delete(request: HttpRequest) -> HttpResponse:
    """Move the selected projects to the trash, with one way back for all of them."""
    moved = _found(
        services.trash_many(user=person(request), app=None, project_codes=_codes(request.POST.getlist("code")))
    )
    if not moved:
        messages.warning(request, _("Nothing was selected, so nothing was deleted."))
        return back(request, "projects")
    text = ngettext("%d project is in the trash.", "%d projects are in the trash.", len(moved)) % len(moved)
    later = _("Emptying it frees %s.") % size(sum(project.file_size_bytes for project in moved))
    messages.info(request, f"{text} {later}", extra_tags=f"undo:{','.join(project.code for project in moved)}")
    return back(request, "projects")


@login_required
@require_POST
def projects_restore(request: HttpRequest) -> HttpResponse:
    """Undo: take the named projects out of the trash again."""
    named = _codes(request.POST.getlist("code"))
    count = sum(it.done for it in services.restore_many(user=person(request), app=None, project_codes=named))
    messages.success(request, ngettext("%d project is back.", "%d projects are back.", count) % count)
    return back(request, "projects")


@login_required
@require_POST
def projects_compress(request: HttpRequest) -> HttpResponse:
    """Compress the selected projects more: first what that would free and cost, then, once agreed to, doing it."""
    user, named = person(request), _codes(request.POST.getlist("code"))
    if "agreed" in request.POST:
        attempts = services.encode_smaller(user=user, app=None, project_codes=named)
        outcomes = services.compress_many(user=user, app=None, project_codes=named, attempts=attempts)
        _say_compressed(request, outcomes)
        return back(request, "projects")
    owned = Project.objects.owned_by(user).live().named(named).select_related("app").defer("metadata")
    weighed = [(project, offer_for(project)) for project in owned.order_by("-file_size_bytes", "-id")]
    offers = [(project, offer) for project, offer in weighed if offer is not None]
    frees = sum(offer.saves_bytes for _project, offer in offers)
    replaced = sum(project.file_size_bytes for project, _offer in offers)
    context = {
        "offers": offers,
        "frees": frees,
        "undoable": keeps(workspace_of(user=user), replaced, frees),
        "lossy": any(offer.loses_quality for _project, offer in offers),
        "left_alone": len(weighed) - len(offers),
        "next": safe_next(request) or reverse("projects"),
    }
    return render(request, "workspace/compress.html", context)


def _say_compressed(request: HttpRequest, outcomes: list[Outcome]) -> None:
    kept = {outcome.code: outcome.undo for outcome in outcomes}
    done, refused = _found(outcomes), [outcome for outcome in outcomes if outcome.refusal is not None]
    if done:
        text = ngettext("%(count)d project is compressed", "%(count)d projects are compressed", len(done))
        freed = size(sum(outcome.freed_bytes for outcome in outcomes))
        said = _("%(what)s; %(size)s are free again.") % {"what": text % {"count": len(done)}, "size": freed}
        undo = [f"{project.code}-{project.version - 1}" for project in done if kept[project.code]]
        if len(undo) < len(done):
            said += " " + _("There was no room to keep what was there before.")
        messages.success(request, said, extra_tags=f"revert:{','.join(undo)}" if undo else "")
    if refused:
        text = ngettext("%d project stayed as it was.", "%d projects stayed as they were.", len(refused))
        messages.warning(request, f"{text % len(refused)} {refused[0].refusal}")


def _codes(named: Iterable[str]) -> list[str]:
    """The codes a form names, one by one or joined by commas; what cannot be a code is passed over."""
    split = ",".join(named).split(",")
    return [code for code in dict.fromkeys(split) if code and set(code) <= set(CODE_ALPHABET)][:MAX_CODES]


def _found(outcomes: list[Outcome]) -> list[Project]:
    return [outcome.project for outcome in outcomes if outcome.project is not None]
