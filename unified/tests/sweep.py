"""The world that strangers look into, and how they ask: Alice has one of everything, Bob too, and Carl has left."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import feed
from accounts import services as accounts
from accounts.models import SCOPES, ClientApp, SigningKey
from credits import services as credits
from unified import live
from workspace import content
from workspace import services as workspace
from workspace.tests.cast import picture, save

BASE = "api/unified/"


@dataclass(frozen=True)
class World:
    """Who calls, and the names of Alice's things, of Bob's, and of nothing at all, of the same length."""

    keys: dict[str, str]
    sessions: dict[str, str]
    alices: dict[str, str]
    bobs: dict[str, str]
    nobodys: dict[str, str]


def things_of(user: Any, app: ClientApp) -> dict[str, str]:
    prepared = content.prepare(project_type="image", content=picture())
    return {
        "user_id": user.user_id,
        "code": save(user, app, prepared=prepared, project_type="image").project.code,
        "hold_id": credits.hold(user=user, app=app, amount=1).id,
        "purchase_id": credits.checkout(user=user, package_id="starter").pk,
        "transaction_id": credits.charge(user=user, app=app, amount=1).id,
        "slug": "shutout",
    }


def session_of(person: Any) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value


@pytest.fixture
def world(alice, penora, imagegene, shop, monkeypatch, settings) -> World:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (10**9, 60))
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0)
    monkeypatch.setattr(live, "close_old_connections", lambda: None)
    bob, carl = (
        accounts.register(user_id=name, username=name, email=f"{name}@example.com", app=penora)[0]
        for name in ("bobby", "carl1")
    )
    made = {slug: ClientApp.objects.create(slug=slug, name=slug) for slug in ("lonely", "bobsapp", "shutout")}
    for person, app in ((bob, made["bobsapp"]), (alice, made["shutout"]), (alice, imagegene)):
        accounts.connect(user=person, app=app)
    accounts.disconnect(user=alice, app=made["shutout"])
    apps_by_name = {"penora": penora, "imagegene": imagegene, "revoked": penora, **made}
    keys = {name: accounts.create_api_key(app=app, scopes=SCOPES) for name, app in apps_by_name.items()}
    accounts.revoke_api_key(key=keys["revoked"][0])
    sessions = {person.user_id: session_of(person) for person in (alice, bob, carl)}
    workspace.close_account(user=carl)
    alices, bobs = things_of(alice, penora), things_of(bob, penora)
    nobodys = {name: value[:-1] + ("A" if value[-1] != "A" else "B") for name, value in alices.items()}
    # Both are written down by whoever looks first.
    ask("GET", "accounts/email/", {}, {}, session=sessions["alice"])
    feed.head()
    return World({name: key for name, (_, key) in keys.items()}, sessions, alices, bobs, nobodys)


def everything() -> dict[str, str]:
    """A hash of each table, but of sessions, of when keys were last used, and of the server's own key, which is made
    when somebody first asks for it."""
    found = {}
    for model in apps.get_models():
        if model not in (Session, SigningKey):
            columns = [column.attname for column in model._meta.concrete_fields if column.attname != "last_used_at"]
            rows = repr(list(model._base_manager.order_by("pk").values_list(*columns)))
            found[model._meta.label] = hashlib.sha256(rows.encode()).hexdigest()
    return found


def filled(template: Any, names: dict[str, str]) -> Any:
    text = json.dumps(template)
    for name, value in names.items():
        text = text.replace(f"<{name}>", value)
    return json.loads(re.sub(r"<\w+>", "1", text))


def ask(method: str, route: str, sent: Any, names: dict[str, str], *, key: str = "", session: str = "") -> Any:
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {key}"} if key else {})
    if session:
        client.cookies["sessionid"] = session
    path, body = "/" + filled(route, names), filled(sent, names)
    if not route.startswith(BASE):
        return ended(getattr(client, method.lower())(path, body))
    if method in ("GET", "DELETE"):
        return ended(client.generic(method, f"{path}?{urlencode(body)}"))
    return ended(client.generic(method, path, json.dumps(body), content_type="application/json"))


def ended(answer: Any) -> Any:
    """The answer, read to its end: a download that is not keeps its person from the next."""
    if answer.streaming:
        answer.streaming_content = list(answer)
    return answer
