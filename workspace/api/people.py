"""People, as the apps make and see them."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts import api
from accounts.models import User
from credits import services as credits
from credits.api import balances
from credits.serializers import UserQuery
from workspace import services
from workspace.serializers import CreateUserSerializer, UserInfoSerializer
from workspace.services.reports import preferences_of, storage_stats


def user_info(user: User) -> dict[str, Any]:
    """The user-info body."""
    workspace = services.workspace_of(user=user)
    return {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        **balances(credits.wallet_of(user=user)),
        "credits_expiring": credits.expiring(user=user),
        "storage_used_bytes": workspace.used_bytes,
        "storage_limit_bytes": workspace.limit_bytes,
        "storage_stats": storage_stats(workspace),
        "storage_preferences": preferences_of(workspace),
        "created_at": user.created_at,
    }


class UserViewSet(ViewSet):
    """People, as the apps make and see them."""

    scopes: ClassVar = {"create": "users:write", "retrieve": "credits:read"}
    browser_actions: ClassVar = frozenset({"retrieve"})

    @extend_schema(
        operation_id="create_user",
        summary="Create or update a user",
        request=CreateUserSerializer,
        responses={201: UserInfoSerializer, 200: UserInfoSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        data = api.body(CreateUserSerializer, request)
        app = api.calling_app(request)

        def act(_: None) -> api.Reply:
            user, created = services.join(app=app, **data)
            return 201 if created else 200, user_info(user)

        return api.write(request, "create-user", act)

    @extend_schema(
        operation_id="user_info",
        summary="A user's credits and storage",
        parameters=[UserQuery],
        responses={200: UserInfoSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        user = api.subject(request, UserQuery.parse(request).get("user_id"))
        return Response(user_info(user))
