"""Downloads made while they are sent: everything that is a person's, or the projects they selected.

Each keeps one of the server's threads while it is made, so only a few run at a time."""

import re
from collections.abc import Generator, Iterator
from threading import Lock

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.browser import person
from accounts.errors import DomainError, InvalidField
from accounts.models import User
from accounts.sockets import socket_of
from workspace.exporting import Export, selection
from workspace.models import Project

AT_ONCE = 4  # of the embedded server's 16 threads
MAX_CODES = 100
RETRY_SECONDS = 30


class ExportBusy(DomainError):
    """Another download of this person is under way, or as many of others as the server makes at a time."""

    code = "export_busy"
    status = 503
    title = "A download is being made"


class Slots:
    """Who is being sent a zip by this process: everybody at most one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: set[int] = set()

    def take(self, user: User) -> None:
        with self._lock:
            if user.pk in self._taken or len(self._taken) >= AT_ONCE:
                raise ExportBusy(
                    "A download is being made already. Try again when it has ended.",
                    headers={"Retry-After": str(RETRY_SECONDS)},
                )
            self._taken.add(user.pk)

    def give_back(self, user: User) -> None:
        with self._lock:
            self._taken.discard(user.pk)


slots = Slots()


class Download:
    """The bytes of one zip; gives the slot back when the server closes it, begun or not."""

    def __init__(self, user: User, chunks: Generator[bytes, None, None]) -> None:
        slots.take(user)
        self._user, self._chunks = user, chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        self._chunks.close()
        slots.give_back(self._user)


@login_required
@require_POST
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Everything that is the person's. A POST, so that no other site's link can set the server to work."""
    user = person(request)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", user.user_id)
    return _sent(request, Download(user, Export(user).stream()), f"unified-export-{name}")


@login_required
@require_POST
def projects(request: HttpRequest) -> HttpResponseBase:
    """The selected projects (`code`, up to a hundred times); codes that are not the person's are passed over."""
    user, codes = person(request), request.POST.getlist("code")
    if len(codes) > MAX_CODES:
        raise InvalidField("code", f"At most {MAX_CODES} projects can be downloaded at a time.")
    if not Project.objects.owned_by(user).named(codes).exists():
        messages.warning(request, _("Nothing was selected, so there is nothing to download."))
        return redirect("projects")
    return _sent(request, Download(user, selection(user, codes)), "unified-projects")


def _sent(request: HttpRequest, download: Download, name: str) -> StreamingHttpResponse:
    socket_of(request)
    response = StreamingHttpResponse(download, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.zip"'
    response["Cache-Control"] = "private, no-store"
    # A proxy that gathers the answer first would keep the reader waiting for its first byte.
    response["X-Accel-Buffering"] = "no"
    return response
