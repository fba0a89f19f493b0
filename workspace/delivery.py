"""Hands a project's bytes to a browser so that nothing in them can act: our own type, no sniffing, a sandbox."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from workspace import content
from workspace.models import Content, Project

ENDINGS = {"image/avif": "avif", "image/webp": "webp", "image/png": "png", "image/jpeg": "jpg"}
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve_content(request: HttpRequest, project: Project) -> HttpResponse:
    """The content as stored, as a file when `?download=1`; 304 when the browser has it."""
    etag = f'"{project.content_hash}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(content.raw_bytes(project), content_type=project.content_type)
        attached = request.GET.get("download") == "1"
        disposition = content_disposition_header(attached, f"{file_name(project)}.{_ending(project)}")
        response["Content-Disposition"] = disposition or "inline"
    return _safe(request, project, response, etag)


def serve_thumbnail(request: HttpRequest, project: Project) -> HttpResponse:
    """The small picture; 404 for what has none."""
    etag = f'"{project.content_hash}-t"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        stored = Content.objects.filter(project=project).values_list("thumbnail", "thumbnail_type").first()
        if stored is None or stored[0] is None:
            raise Http404("This project has no thumbnail.")
        response = HttpResponse(bytes(stored[0]), content_type=stored[1])
    return _safe(request, project, response, etag)


def file_name(project: Project) -> str:
    """A name for the downloaded file, without an ending: the title as far as file systems take it, then the code."""
    title = slugify(project.title, allow_unicode=True)[:80]
    return f"{title}-{project.code}" if title else project.code


def _ending(project: Project) -> str:
    return "txt" if project.is_text else ENDINGS.get(project.content_type, "bin")


def _safe(request: HttpRequest, project: Project, response: HttpResponse, etag: str) -> HttpResponse:
    for name, value in SAFE_HEADERS.items():
        response[name] = value
    response["ETag"] = etag
    # A URL that names the version never changes what it means; any other is asked again each time.
    versioned = request.GET.get("v") == str(project.version)
    response["Cache-Control"] = "private, max-age=31536000, immutable" if versioned else "private, no-cache"
    response["Vary"] = "Cookie"
    return response
