"""A project's bytes, as stored or in another format, and its thumbnail."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts import api
from accounts.serializers import Choice, QueryInteger
from credits.serializers import UserQuery
from workspace.api.projects import find
from workspace.delivery import FORMATS, serve_content, serve_thumbnail

_BYTES = {
    (status, kind): OpenApiTypes.BINARY if kind == "image/*" else OpenApiTypes.STR
    for status in (200, 206)
    for kind in ("image/*", "text/plain", "text/markdown")
}


class ThumbnailQuery(UserQuery):
    v = QueryInteger(required=False, help_text="The project's version: such an answer may be kept for ever.")


class ContentQuery(ThumbnailQuery):
    format = Choice(
        choices=FORMATS,
        required=False,
        help_text="png, jpeg, webp or avif of a picture, txt or md of a text; as stored when left out.",
    )
    download = Choice(choices=("1",), required=False, help_text="1: as a file named by the title, not to be shown.")


class AsStoredRenderer(JSONRenderer):
    """Bytes go out in the type they are of, whatever was hoped for; only refusals are rendered."""

    media_type = "*/*"


class FileViewSet(ViewSet):
    """The bytes of one project."""

    scopes: ClassVar = {"content": "workspace:read", "thumbnail": "workspace:read"}
    browser_actions: ClassVar = frozenset({"content", "thumbnail"})

    @extend_schema(
        operation_id="project_content",
        summary="A project's bytes, whole or a range of them",
        parameters=[ContentQuery],
        responses=_BYTES,
    )
    def content(self, request: Request, code: str) -> HttpResponse:
        query = ContentQuery.parse(request)
        return serve_content(request._request, find(api.subject(request, query.get("user_id")), code))

    @extend_schema(
        operation_id="project_thumbnail",
        summary="A picture's thumbnail, at most 320 pixels",
        parameters=[ThumbnailQuery],
        responses={(200, "image/webp"): OpenApiTypes.BINARY},
    )
    def thumbnail(self, request: Request, code: str) -> HttpResponse:
        query = ThumbnailQuery.parse(request)
        return serve_thumbnail(request._request, find(api.subject(request, query.get("user_id")), code))
