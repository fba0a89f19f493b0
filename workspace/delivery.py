"""Hands out a project's bytes, whole or in part, so that nothing in them can act: our own type and name, a sandbox."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from accounts.errors import DomainError, InvalidField
from accounts.headers import FILE_POLICY
from workspace import content, images, services
from workspace.models import Project

SANDBOX = f"{FILE_POLICY}; sandbox"
PICTURE_FORMATS = ("png", "jpeg", "webp", "avif")
TEXT_TYPES = {"txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8"}
FORMATS = (*PICTURE_FORMATS, *TEXT_TYPES)
ENDINGS = {
    "image/avif": "avif",
    "image/webp": "webp",
    "image/png": "png",
    "image/jpeg": "jpg",
    "text/plain": "txt",
    "text/markdown": "md",
}
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class RangeNotSatisfiable(DomainError):
    """No byte of what was asked for is there."""

    code = "range_not_satisfiable"
    status = 416
    title = "Range not satisfiable"


def serve_content(request: HttpRequest, project: Project) -> HttpResponse:
    """The content as stored or, with `?format=`, written anew; `?download=1` makes it a file named by its title.

    Answers If-None-Match with 304 before anything is read, and a Range of one part with 206. Raises InvalidField for
    a format the project does not come in, RangeNotSatisfiable, and what reading a picture raises."""
    wanted = _checked_format(project, request.GET.get("format", ""))
    etag = f'"{_representation(project, wanted)}"'

    def make() -> HttpResponse:
        data, content_type = _written(project, wanted)
        response = _part(request, data, content_type, etag)
        attached = request.GET.get("download") == "1"
        name = f"{file_name(project)}.{ENDINGS[content_type.partition(';')[0]]}"
        disposition = content_disposition_header(attached, name)
        response["Content-Disposition"] = disposition or "inline"
        return response

    return _safe(request, project, etag, make)


def serve_thumbnail(request: HttpRequest, project: Project) -> HttpResponse:
    """The small picture. Raises ProjectNotFound for what has none."""
    etag = f'"{project.content_hash}-thumbnail"'

    def make() -> HttpResponse:
        stored = content.thumbnail_of(project)
        if stored is None:
            raise services.ProjectNotFound("This project has no thumbnail.")
        return HttpResponse(stored[0], content_type=stored[1])

    return _safe(request, project, etag, make)


def _checked_format(project: Project, wanted: str) -> str:
    allowed = tuple(TEXT_TYPES) if project.is_text else PICTURE_FORMATS
    if wanted and wanted not in allowed:
        kind = "text" if project.is_text else "picture"
        raise InvalidField("format", f"A {kind} comes as {', '.join(allowed)}.")
    return wanted


def _representation(project: Project, wanted: str) -> str:
    """What tells these bytes from any other: what is stored and, when written anew, by which encoders."""
    if not wanted or project.is_text or project.content_type == f"image/{wanted}":
        return project.content_hash
    encoders = hashlib.sha256(repr(images.versions()).encode()).hexdigest()[:8]
    return f"{project.content_hash}-{wanted}-{encoders}"


def _written(project: Project, wanted: str) -> tuple[bytes, str]:
    data = content.raw_bytes(project)
    if project.is_text:
        return data, TEXT_TYPES.get(wanted, project.content_type)
    if not wanted:
        return data, project.content_type
    return images.convert(data, project.content_type, wanted, owner=project.user_id)  # type: ignore[arg-type]


def _part(request: HttpRequest, data: bytes, content_type: str, etag: str) -> HttpResponse:
    """All of the bytes, or the one part that a Range asks for (RFC 9110, section 14); several parts get all."""
    response = HttpResponse(content_type=content_type, headers={"Accept-Ranges": "bytes"})
    span = _span(request, len(data), etag)
    if span is None:
        response.content = data
        return response
    first, last = span
    response.status_code = 206
    response["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    response.content = data[first : last + 1]
    return response


def _span(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """First and last byte asked for; None for all of them, also when what the caller holds is older (If-Range)."""
    asked = _ONE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or asked is None or request.headers.get("If-Range", etag) != etag:
        return None
    start, end = asked.groups()
    if start:
        first, last = int(start), min(int(end or size), size - 1)
        if end and int(end) < first:
            return None
    elif end:
        first, last = max(0, size - int(end)), size - 1
    else:
        return None
    if first >= size:
        headers = {"Content-Range": f"bytes */{size}"}
        raise RangeNotSatisfiable(f"There are {size:,} bytes.", headers=headers, size_bytes=size)
    return first, last


def file_name(project: Project) -> str:
    """A name for the downloaded file, without an ending: the title as far as file systems take it, then the code."""
    title = slugify(project.title, allow_unicode=True)[:80]
    # File systems count bytes: 255 of them for the whole name.
    title = title.encode()[:200].decode(errors="ignore")
    return f"{title}-{project.code}" if title else project.code


def _safe(request: HttpRequest, project: Project, etag: str, make: Callable[[], HttpResponse]) -> HttpResponse:
    """What `make` answers, or 304 to who has it, with the headers that every answer carries."""
    answered: Any = get_conditional_response(request, etag=etag)
    if answered is not None and answered.status_code == 412:
        raise services.VersionMismatch("The content has changed since it was read.", etag=etag)
    response: HttpResponse = make() if answered is None else answered
    response["Content-Security-Policy"] = SANDBOX
    response["ETag"] = etag
    # A URL that names the version never changes what it means; any other is asked again each time.
    versioned = request.GET.get("v") == str(project.version)
    response["Cache-Control"] = "private, max-age=31536000, immutable" if versioned else "private, no-cache"
    response["Vary"] = "Cookie"
    return response
