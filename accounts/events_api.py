"""The event feed over HTTP: who may see which events, and how they are shown."""

import re
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts import api, feed, walls
from accounts.models import ApiKey, Event
from accounts.serializers import QueryInteger, QuerySerializer, UserIdField

EVENT_TYPES = (
    "credits.changed",
    "credits.low",
    "storage.changed",
    "storage.low",
    "project.saved",
    "project.deleted",
    "hold.created",
    "hold.settled",
    "purchase.completed",
)
DEFAULT_LIMIT = 25
EXAMPLE = {
    "id": 42,
    "type": "credits.changed",
    "user_id": "alice",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "data": {
        "transaction_id": "txn_1a2b3c",
        "transaction_type": "used",
        "app_name": "penora",
        "amount": -1,
        "credits": 59,
        "credits_balance": 59,
        "credits_held": 0,
    },
}


@extend_schema_field({"type": "integer", "minimum": 0})
class EventId(QueryInteger):
    """The id of an event, or 0 for the beginning."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str) or not re.fullmatch(r"[0-9]{1,18}", data):
            self.fail("invalid")
        return int(data)


class ListenQuery(QuerySerializer):
    """What a live stream takes."""

    after = EventId(required=False, help_text="Only events behind this id; when left out, those from now on.")
    user_id = UserIdField(required=False, help_text="Only this user's. A browser session means its own user anyway.")


class EventQuery(ListenQuery):
    after = EventId(required=False, default=0, help_text="Only events behind this id; 0, the default, is the oldest.")
    limit = QueryInteger(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=100, help_text="Events in one answer."
    )


class EventSerializer(serializers.Serializer[Any]):
    """One event, in the feed, in a stream or in a message."""

    id = serializers.IntegerField(source="position")
    type = serializers.ChoiceField(choices=EVENT_TYPES)
    user_id = serializers.CharField(source="user.user_id")
    created_at = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment] # a field of this name does not shadow Serializer.data


class EventPageSerializer(serializers.Serializer[Any]):
    results = EventSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="Where to go on at once; null when this was all for now.")


def visible(request: Request, user_id: str | None) -> QuerySet[Event]:
    """The events this caller may see. Read it again and again: a disconnected app sees nothing from then on."""
    key = request.auth
    if not isinstance(key, ApiKey):
        return Event.objects.owned_by(api.subject(request, user_id))
    walls.let_in_app(key.app)
    shown = Event.objects.shown_to(key.app)
    return shown if user_id is None else shown.owned_by(api.subject(request, user_id))


class EventViewSet(ViewSet):
    """The feed, for callers who ask again."""

    scopes: ClassVar = {"feed": "events:read"}
    browser_actions: ClassVar = frozenset({"feed"})

    @extend_schema(
        operation_id="events",
        summary="The event feed",
        description="Events of the last 30 days, oldest first. Ids only grow, and no event ever appears behind one that"
        " was read: go on with the last id as `after`. An app sees the users who are connected to it.",
        parameters=[EventQuery],
        responses={
            200: OpenApiResponse(
                EventPageSerializer, examples=[OpenApiExample("One event", {"results": [EXAMPLE], "next": None})]
            )
        },
    )
    def feed(self, request: Request) -> Response:
        query = EventQuery.parse(request)
        limit = query["limit"]
        events = feed.since(visible(request, query.get("user_id")), after=query["after"], limit=limit + 1)
        page = events[:limit]
        url = _continued(request, page[-1]) if len(events) > limit else None
        return Response({"results": EventSerializer(page, many=True).data, "next": url})


def _continued(request: Request, last: Event) -> str:
    params = request.query_params.copy()
    params["after"] = str(last.position)
    return str(request.build_absolute_uri(f"?{params.urlencode()}"))
