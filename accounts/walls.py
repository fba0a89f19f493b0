"""The wall in the database: whose rows a request can read and write, even where a query forgot to ask for its owner.

On PostgreSQL every owned table has a row-level security policy that reads three settings of the connection; this module
keeps them equal to what the request may see. A request starts with nobody let in; work without a request (commands, the
worker) and staff in the admin see everybody. SQLite has no such thing: there the scoped queries are the only wall."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection as default_connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython
from django.http import HttpRequest, HttpResponseBase

from accounts.models import ClientApp, User


@dataclass(frozen=True, slots=True)
class View:
    """Whose rows can be seen: everybody's, or these people's, and the events that `app` may read."""

    everyone: bool = False
    people: frozenset[int] = frozenset()
    app: int | None = None

    def settings(self) -> tuple[str, str, str]:
        people = ",".join(map(str, sorted(self.people)))
        return "on" if self.everyone else "off", f"{{{people}}}", "" if self.app is None else str(self.app)


EVERYONE = View(everyone=True)
_view: ContextVar[View] = ContextVar("wall", default=EVERYONE)

# What each connection was last told, and, when that was inside a transaction, the list that Django replaces whenever a
# transaction or savepoint ends: a rollback takes the settings back as well.
_told: "WeakKeyDictionary[Any, tuple[View, list[Any] | None]]" = WeakKeyDictionary()


def let_in(*people: User) -> None:
    """Let the rest of this request see and write what belongs to `people`, too."""
    view = _view.get()
    _change(replace(view, people=view.people | {person.pk for person in people}))


def let_in_app(app: ClientApp) -> None:
    """Let the rest of this request read the events of the people `app` is connected to."""
    _change(replace(_view.get(), app=app.pk))


def let_in_everybody() -> None:
    """Let the rest of this request work for everybody: a grant to all, and staff."""
    _change(EVERYONE)


@contextmanager
def everyone() -> Iterator[None]:
    """For the one thing that any request does for all people: numbering the feed."""
    before = _view.get()
    _change(EVERYONE)
    try:
        yield
    finally:
        _change(before)


def _change(view: View) -> None:
    _view.set(view)
    # Told at once outside a transaction; inside one the next statement tells.
    if default_connection.connection is not None and not default_connection.in_atomic_block:
        _tell(default_connection, view)


def guard(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receiver of connection_created: keep this connection's settings true before every statement."""
    if connection.vendor != "postgresql":
        return
    if _before_each not in connection.execute_wrappers:
        connection.execute_wrappers.append(_before_each)
    # Told before any transaction, which would have to be told again as soon as it ends.
    _tell(connection, _view.get())


def _before_each(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    connection, view = context["connection"], _view.get()
    known, hooks = _told.get(connection.connection, (None, None))
    # Being the same is seen sooner than being equal.
    if (known is not view and known != view) or (hooks is not None and hooks is not connection.run_on_commit):
        _tell(connection, view)
    return execute(sql, params, many, context)


def _tell(connection: BaseDatabaseWrapper, view: View) -> None:
    if connection.vendor != "postgresql":
        return
    with connection.connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('unified.everyone', %s, false), set_config('unified.people', %s, false),"
            " set_config('unified.app', %s, false)",
            view.settings(),
        )
    _told[connection.connection] = view, connection.run_on_commit if connection.in_atomic_block else None


def lift(**_: Any) -> None:
    """Receiver of request_finished, which comes after the last byte of a stream: what follows is no request's."""
    _view.set(EVERYONE)


class WallMiddleware:
    """Puts each request behind the wall: nobody's rows, then the signed-in person's, everybody's for staff at work."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        _view.set(View())
        # A session that was never opened need not be looked at, and must not make the answer vary by cookie.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            if request.user.is_staff and request.path.startswith("/admin/"):
                let_in_everybody()
            else:
                let_in(request.user)
        return self.get_response(request)


def raise_walls(tables: dict[str, str]) -> list[RunPython]:
    """Operations of a migration that puts `tables` behind the wall: each with a condition that says whose a row is."""
    return [RunPython(_on_postgresql(up), _on_postgresql(down)) for up, down in map(policies, tables, tables.values())]


def _on_postgresql(sql: str) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    def run(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


def policies(table: str, whose: str) -> tuple[str, str]:
    """The SQL that puts `table` behind the wall and that takes it down; `whose` is a condition on `:people` and `:app`.

    FORCE holds the owner of the tables, too; only a superuser or a role with BYPASSRLS sees through."""
    # A setting is NULL where it was never made and empty where making it was rolled back.
    for name, kind in (("people", "bigint[]"), ("app", "bigint")):
        whose = whose.replace(f":{name}", f"NULLIF(current_setting('unified.{name}', true), '')::{kind}")
    up = (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY; "
        f"CREATE POLICY wall ON {table} USING (current_setting('unified.everyone', true) = 'on' OR {whose})"
    )
    return up, f"DROP POLICY wall ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
