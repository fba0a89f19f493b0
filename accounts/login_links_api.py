"""Login links over HTTP."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts import api, login_links
from accounts.serializers import StrictSerializer, UserIdField


class LoginLinkRequestSerializer(StrictSerializer):
    """Whom the link signs in."""

    user_id = UserIdField()


class LoginLinkSerializer(serializers.Serializer[Any]):
    """The link, which is shown this once."""

    url = serializers.CharField(help_text="Send the person's browser here; it works once.")
    expires_at = serializers.DateTimeField(help_text="Sixty seconds from now.")


class LoginLinkViewSet(ViewSet):
    """Sending a person from an app to their dashboard."""

    scopes: ClassVar = {"create": "users:write"}

    @extend_schema(
        operation_id="login_link",
        summary="A link that signs a user in",
        request=LoginLinkRequestSerializer,
        responses={201: LoginLinkSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(LoginLinkRequestSerializer, request)
        user, app = api.subject(request, data["user_id"]), api.calling_app(request)

        def act(_: None) -> api.Reply:
            link, url = login_links.issue(user=user, app=app)
            return 201, api.shown(LoginLinkSerializer, {"url": url, "expires_at": link.expires_at})

        return api.write(request, "login-link", act)
