"""Live updates: the event feed pushed over server-sent events and WebSocket, on a few of the server's threads.

A stream looks into the database when a commit of this process wakes it, and every half second for those of others; it
holds no connection while it waits. Polling needs no second service and works the same on every database."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Condition, Thread
from typing import Any, ClassVar

import simple_websocket
from django.conf import settings
from django.db import close_old_connections
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet
from wsproto.utilities import ProtocolError

from accounts import access_tokens, api, events, feed
from accounts.access_tokens import AccessToken
from accounts.errors import DomainError, InvalidField
from accounts.events_api import EXAMPLE, EventId, EventSerializer, ListenQuery, visible
from accounts.models import ApiKey, Event, User
from accounts.sockets import socket_of

STREAMS = 8  # of the embedded server's 16 threads, so that requests always find one
STREAMS_EACH = 4
POLL_SECONDS = 0.5
FREED_SECONDS = 0.3
GATHER_SECONDS = 0.05  # what is committed together is read together
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0
BATCH = 100
RETRY_SECONDS = 5
GOING_AWAY = 1001  # RFC 6455, section 7.4.1


def serving() -> bool:
    """Whether the server goes on; replaced by the hooks of the server that can be told to leave."""
    return True


class TooManyStreams(DomainError):
    code = "too_many_streams"
    status = 503
    title = "Too many streams"


class UpgradeRequired(DomainError):
    code = "upgrade_required"
    status = 426
    title = "Upgrade required"


class WrongOrigin(DomainError):
    code = "wrong_origin"
    status = 403
    title = "Wrong origin"


class Slots:
    """Counts the open streams of this process; `take` raises TooManyStreams, its answer gives the slot back, once."""

    def __init__(self) -> None:
        self._freed = Condition()
        self._open: Counter[str] = Counter()

    def take(self, name: str) -> Callable[[], None]:
        with self._freed:
            if not self._room(name):
                # Whoever turns a page hangs up and comes back at once: let the streams see who has gone.
                events.pulse.beat()
            if not self._freed.wait_for(lambda: self._room(name), FREED_SECONDS):
                raise TooManyStreams(
                    "Too many live streams are open; poll the feed, or try again later.",
                    headers={"Retry-After": str(RETRY_SECONDS)},
                )
            self._open[name] += 1
        held = [name]

        def give_back() -> None:
            with self._freed, suppress(IndexError):
                self._open[held.pop()] -= 1
                self._freed.notify_all()

        return give_back

    def _room(self, name: str) -> bool:
        return self._open[name] < STREAMS_EACH and self._open.total() < STREAMS


slots = Slots()


@dataclass(frozen=True)
class Listener:
    """One who listens: `events` are those they may see, `welcome` says whether they may still."""

    name: str
    events: QuerySet[Event]
    after: int
    welcome: Callable[[], bool]


def listener(request: Request) -> Listener:
    """The caller of a stream. A browser that lost its stream names the last event it got in a header."""
    query = ListenQuery.parse(request)
    shown = visible(request, query.get("user_id"))
    after = _last_event_id(request)
    if after is None:
        after = query.get("after")
    if after is None:
        after = feed.head()
    if isinstance(request.auth, ApiKey):
        key = ApiKey.objects.filter(pk=request.auth.pk)
        return Listener(f"app {request.auth.app_id}", shown, after, lambda: key.live().exists())
    user = api.subject(request, None)
    if isinstance(request.auth, AccessToken):
        shown_token = request.auth
        return Listener(f"token {shown_token.pk}", shown, after, lambda: access_tokens.alive(shown_token))
    people, session = User.objects.filter(pk=user.pk, is_active=True), request.session
    return Listener(
        f"user {user.pk}", shown, after, lambda: session.exists(session.session_key or "") and people.exists()
    )


def _last_event_id(request: Request) -> int | None:
    text = request.headers.get("Last-Event-ID", "")
    if not text:
        return None
    try:
        return int(EventId().run_validation(text))
    except ValidationError:
        raise InvalidField("Last-Event-ID", "Must be the id of an event.") from None


def pushes(who: Listener, gone: Callable[[], bool]) -> Iterator[list[Event]]:
    """Batches of events as they are committed, and an empty one whenever a heartbeat is due."""
    after, now = who.after, time.monotonic()
    ends, beats = now + LONGEST_SECONDS, now + HEARTBEAT_SECONDS
    while serving() and not gone() and time.monotonic() < ends:
        heard = events.pulse.count
        batch = feed.since(who.events, after=after, limit=BATCH)
        speaks = bool(batch) or time.monotonic() >= beats
        ends = ends if not speaks or who.welcome() else 0
        close_old_connections()
        if speaks and ends:
            yield batch
            beats = time.monotonic() + HEARTBEAT_SECONDS
        if batch:
            after = batch[-1].position or after
        else:
            events.pulse.wait(heard, POLL_SECONDS)
            time.sleep(GATHER_SECONDS)


def _json(event: Event) -> bytes:
    return api.rendered(api.shown(EventSerializer, event))


class EventStream:
    """The lines of a server-sent event stream; gives its slot back when the server closes it."""

    def __init__(self, who: Listener, gone: Callable[[], bool], close: Callable[[], None]) -> None:
        self._who, self._gone, self.close = who, gone, close

    def __iter__(self) -> Iterator[bytes]:
        # An id without data: the browser resumes from here even when nothing has happened yet.
        yield b"retry: 1000\nid: %d\n\n" % self._who.after
        for batch in pushes(self._who, self._gone):
            yield b"".join(map(_message, batch)) or b": still here\n\n"


def _message(event: Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.position or 0, event.type.encode(), _json(event))


class EventStreamRenderer(BaseRenderer):
    """Lets a caller ask for text/event-stream; the view streams it."""

    media_type = "text/event-stream"
    format = "event-stream"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return JSONRenderer().render(data)


class Spoken(HttpResponse):
    """The end of a conversation that left HTTP: nothing may be written behind it."""

    def __iter__(self) -> Iterator[bytes]:
        # Not the end of a loop but gunicorn's agreed sign to close the connection as it is.
        raise StopIteration


class LiveViewSet(ViewSet):
    """The feed, for callers who stay."""

    scopes: ClassVar = {"stream": "events:read", "talk": "events:read"}
    browser_actions: ClassVar = frozenset({"stream", "talk"})
    renderer_classes = (JSONRenderer, EventStreamRenderer)

    @extend_schema(
        operation_id="events_stream",
        summary="The event feed, pushed",
        description="Server-sent events: the feed's events as they are committed, each with its `id` and its type as"
        " `event`. Ends after ten minutes at most; reconnect with `Last-Event-ID` and nothing is missed or repeated."
        " The same feed is pushed as JSON text messages over WebSocket at `/ws/unified?after=<id>`.",
        parameters=[
            ListenQuery,
            OpenApiParameter(
                "Last-Event-ID",
                {"type": "string", "pattern": "^[0-9]{0,18}$"},
                OpenApiParameter.HEADER,
                description="Goes before `after`.",
            ),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR,
                examples=[OpenApiExample("One event", f"id: 42\nevent: credits.changed\ndata: {EXAMPLE['data']}\n\n")],
            ),
            503: OpenApiResponse(description="too_many_streams: all streams of this server are taken"),
        },
    )
    def stream(self, request: Request) -> HttpResponseBase:
        who = listener(request)
        close_old_connections()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return HttpResponse(content_type="text/event-stream", headers=headers)
        lines = EventStream(who, partial(_hung_up, socket_of(request)), slots.take(who.name))
        return StreamingHttpResponse(lines, content_type="text/event-stream", headers=headers)

    @extend_schema(exclude=True)
    def talk(self, request: Request) -> HttpResponseBase:
        who, sock = listener(request), socket_of(request)
        if request.headers.get("Upgrade", "").lower() != "websocket" or sock is None:
            raise UpgradeRequired("This path speaks WebSocket only.", headers={"Upgrade": "websocket"})
        if request.auth is None and request.headers.get("Origin") != settings.PUBLIC_URL:
            # A cookie travels with any page's WebSocket: only our own pages may use it.
            raise WrongOrigin("A browser session may open this from the product's own pages only.")
        close_old_connections()
        give_back = slots.take(who.name)
        try:
            _talk(request, sock, who)
        finally:
            give_back()
        return Spoken()


def _talk(request: Request, sock: socket.socket, who: Listener) -> None:
    # A copy of the socket, since both simple-websocket and gunicorn close theirs.
    environ = {**request.META, "gunicorn.socket": sock.dup()}
    thread = partial(Thread, daemon=True)
    try:
        talk = simple_websocket.Server.accept(
            environ, ping_interval=HEARTBEAT_SECONDS, max_message_size=4096, thread_class=thread
        )
    except (ProtocolError, simple_websocket.ConnectionError):
        environ["gunicorn.socket"].close()
        raise DomainError("The WebSocket handshake is malformed.") from None
    with suppress(simple_websocket.ConnectionClosed, OSError):
        for batch in pushes(who, lambda: not _listens(talk)):
            for event in batch:
                talk.send(_json(event).decode())
        talk.close(GOING_AWAY)
    talk.thread.join(timeout=1)
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _listens(talk: simple_websocket.Server) -> bool:
    """Whether the other side is there; what it says is not kept."""
    with suppress(simple_websocket.ConnectionClosed):
        talk.receive(timeout=0)
    return bool(talk.connected)


def _hung_up(sock: socket.socket | None) -> bool:
    """Whether the client has closed: its slot is free long before a heartbeat would find out."""
    if sock is None:
        return False
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
