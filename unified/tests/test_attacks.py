"""What an attacker tries through the API: every refusal a short problem, not a row changed, and nothing echoed."""

import ast
import copy
import hmac
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.apps import apps
from django.test import Client

from accounts import services as accounts
from unified.reference import document
from unified.tests.strangers import API
from unified.tests.sweep import BASE, ask, everything, filled
from workspace.tests.cast import save

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
LONGEST_PROBLEM = 8_000
WRITES = {call: terms for call, terms in API.items() if call.split()[0] in ("POST", "PATCH")}
LISTS = ("projects", "transactions", "storage-statement")
SECRETS = ("Traceback", "unk_", "SELECT ", "INSERT ", "/site-packages/", "Error(", "sqlite", "psycopg")


def sent(world, call: str, body: Any, **headers: str) -> Any:
    """A call of Penora's for Alice with this body, as it is when it is bytes."""
    method, route, *_ = call.split()
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {world.keys['penora']}"})
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = "/" + filled(BASE + route, world.alices)
    return client.generic(method, path, raw, content_type="application/json", headers=headers)


def refused(answer: Any, *statuses: int) -> dict[str, Any]:
    """The problem of an answer that is a short one, and tells nothing of our insides."""
    assert answer.status_code in (statuses or range(400, 500)), (answer.status_code, answer.content[:200])
    assert answer["Content-Type"] == "application/problem+json"
    assert len(answer.content) < LONGEST_PROBLEM
    assert not [word for word in SECRETS if word in answer.content.decode()]
    return dict(answer.json())


def documented_fields(call: str) -> set[str]:
    """The fields that a call's body may have."""
    method, route, *_ = call.split()
    operation = document()["paths"]["/" + BASE + re.sub(r"<(\w+)>", r"{\1}", route)][method.lower()]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return set(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"])


def model_fields() -> set[str]:
    models = [
        model for label in ("accounts", "credits", "workspace") for model in apps.get_app_config(label).get_models()
    ]
    return {name for model in models for field in model._meta.concrete_fields for name in (field.name, field.attname)}


@pytest.mark.parametrize("call", WRITES)
def test_no_field_of_a_model_can_be_set_that_is_not_offered(world, call) -> None:
    before, fields = everything(), sorted(model_fields() - documented_fields(call))
    assert len(fields) > 80
    body = filled(WRITES[call].sent, {**world.alices, "app": "penora"})
    errors = set()
    for start in range(0, len(fields), 20):
        extra = dict.fromkeys(fields[start : start + 20], 1)
        errors |= {(e["field"], e["code"]) for e in refused(sent(world, call, {**body, **extra}), 400)["errors"]}
    assert errors == {(name, "unknown_field") for name in fields}
    assert everything() == before


BOMBS = {
    "nothing": b"",
    "half": b'{"user_id": "alice"',
    "deep lists": b'{"user_id":' + b"[" * 50_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "many parts": b'{"user_id":[' + b"1," * 300_000 + b"1]}",
    "twice": b'{"user_id":"alice","user_id":"bobby"}',
    "twice, spelled otherwise": b'{"user_id":"alice","user\\u005fid":"bobby"}',
    "nul": b'{"user_id":"alice\\u0000"}',
    "half a pair": b'{"user_id":"\\ud83d"}',
    "bad utf-8": b'{"user_id":"\xc0\xaf"}',
    "bidi": '{"user_id":"\u202eecila"}'.encode(),
    "combining flood": ('{"user_id":"a' + "\u0301" * 5_000 + '"}').encode(),
    "look-alike": '{"user_id":"аlice"}'.encode(),
    "huge number": b'{"user_id":' + b"9" * 100_000 + b"}",
    "huge exponent": b'{"user_id":1e999999999}',
    "not a number": b'{"user_id":NaN}',
    "long name": b'{"' + b"x" * 500_000 + b'":1}',
    "many names": json.dumps({f"f{number}": 1 for number in range(20_000)}).encode(),
    "long names in each other": b'{"metadata":' + (b'{"' + b"\xc3\xbc" * 90 + b'":') * 25 + b'"\\u0000"' + b"}" * 26,
    "prototype": b'{"__proto__":{"is_staff":true},"constructor":{}}',
    "a list": b'[{"user_id":"alice"}]',
    "xml": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("call", WRITES)
def test_a_bomb_of_a_body_gets_a_short_problem_and_changes_nothing(world, call) -> None:
    before = everything()
    for bomb in BOMBS.values():
        assert b"passwd" not in json.dumps(refused(sent(world, call, bomb), 400)).encode()
    good = filled(WRITES[call].sent, {**world.alices, "app": "penora"})
    for name in good:
        refused(sent(world, call, {**good, name: "x" * 600_000}), 400, 413)
    for kind in (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "text/json",
        "application/json5",
    ):
        client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {world.keys['penora']}"})
        path = "/" + filled(BASE + call.split()[1], world.alices)
        refused(client.generic(call.split()[0], path, b"{}", content_type=kind), 415)
    assert everything() == before


HOSTILE_TEXTS = {
    "nul": "a\x00b",
    "half a pair": "a\ud800b",
    "reordering": "a\u202egpj.exe",
    "isolate": "a\u2066b",
    "control": "a\x1b[31mb",
    "combining flood": "a" + "\u0301" * 100_000,
    "right to left flood": "\u202e" * 100_000,
}


KEPT_AS_IT_CAME = {"reordering", "isolate", "control"}


def leaves(body: Any, *way: Any) -> list[tuple[Any, ...]]:
    """The way to each text in a body."""
    if isinstance(body, str):
        return [way]
    below = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [leaf for name, value in below for leaf in leaves(value, *way, name)]


def with_text(body: Any, way: tuple[Any, ...], text: str) -> Any:
    changed = copy.deepcopy(body)
    inner = changed
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = text
    return changed


MORE_TEXTS = {
    "POST deduct-credits": {"description": "x", "project_code": "AAAAAA"},
    "POST deduct-credits/batch": {},
    "POST save-project": {"tags": ["x"], "metadata": {"prompt": "x"}, "charge": {"amount": 1, "description": "x"}},
    "PATCH project/<code>": {"tags": ["x"], "metadata": {"prompt": "x"}},
    "POST holds": {"description": "x"},
}


@pytest.mark.parametrize("call", WRITES)
def test_a_hostile_text_in_any_field_is_refused_and_changes_nothing(world, call) -> None:
    good = filled(WRITES[call].sent, {**world.alices, "app": "penora"})
    more = {name: text for name, text in MORE_TEXTS.get(call, {}).items() if name in documented_fields(call)}
    good, before = {**good, **more}, everything()
    ways = [way for way in leaves(good) if way != ("content",)]
    assert ways
    for way in ways:
        # What is kept as it came may order its letters as it likes: it is shown as text, in a box of its own.
        kept = KEPT_AS_IT_CAME if way[0] == "metadata" else set()
        for name, text in [pair for pair in HOSTILE_TEXTS.items() if pair[0] not in kept]:
            answer = sent(world, call, with_text(good, way, text))
            if answer.status_code == 200 and "charges" in good:
                assert answer.json()["results"][0]["status"] in (400, 404), (way, name)
            else:
                refused(answer, 400, 403, 404)
            assert everything() == before, (way, name)


def nearly(name: str) -> set[str]:
    """What is nearly the name of a thing in a path."""
    short = name[:-1]
    ends = ["", "*", "_", "%25", "%EF%BC%A1"]
    around = ["0", "%00", "%0d%0a", ";", "%2e"]
    found = {name.lower(), name.swapcase(), f"%20{name}", f"../{name}"}
    return (found | {short + end for end in ends} | {name + end for end in around}) - {name}


@pytest.mark.parametrize("call", [call for call in API if "<" in call and "POST" not in call])
def test_what_is_nearly_the_name_of_a_thing_is_none(world, call) -> None:
    method, route, *_ = call.split()
    name = next(name for name in ("code", "hold_id", "transaction_id") if f"<{name}>" in route)
    good, before = world.alices[name], everything()
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {world.keys['penora']}"})
    for near in nearly(good):
        path = "/" + filled(BASE + route, {**world.alices, name: near})
        sent_body = json.dumps({**filled(API[call].sent, world.alices)}) if method == "PATCH" else ""
        query = "" if method == "PATCH" else f"?user_id={world.alices['user_id']}"
        answer = client.generic(method, path + query, sent_body, content_type="application/json")
        refused(answer, 404)
    assert everything() == before


@pytest.mark.parametrize("near", ["ALICE", "Alice", "alice.", "alice:", "alic", "%61lice%00", "al%C3%ADce", "alice%20"])
def test_who_is_nearly_a_person_is_nobody(world, near) -> None:
    before = everything()
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {world.keys['penora']}"})
    for path in ("user-info", "projects", "transactions", f"project/{world.alices['code']}"):
        refused(client.get(f"/{BASE}{path}?user_id={near}"), 400, 404)
    assert everything() == before


AMOUNTS: list[Any] = [
    0,
    -1,
    1_000_001,
    2**63,
    -(2**63),
    10**30,
    1.0,
    1.5,
    1e3,
    -0.0,
    True,
    False,
    None,
    "1",
    "٥",
    "1_0",
]
AMOUNTS += ["0x10", " 1", "", "1e3", "NaN", [1], {"amount": 1}, [], {}]
PAYING = [call for call, terms in WRITES.items() if "amount" in json.dumps(terms.sent)]


@pytest.mark.parametrize("call", PAYING)
def test_an_amount_of_a_wrong_kind_moves_nothing(world, call) -> None:
    before = everything()
    for amount in AMOUNTS:
        body = filled(WRITES[call].sent, {**world.alices, "app": "penora"})
        (body["charges"][0] if "charges" in body else body)["amount"] = amount
        answer = sent(world, call, body)
        one = answer.json()["results"][0] if answer.status_code == 200 else refused(answer, 400)
        assert (one["status"], one["code"]) == (400, "invalid_request"), amount
    assert everything() == before


def variants(key: str) -> list[str]:
    """What is nearly the key, but is not."""
    start, lookup, secret = key.split("_")
    flipped = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    near = [key[:length] for length in range(len(key))] + [key + "0", key + key, key.upper(), key.swapcase()]
    near += [f"{start}_{lookup}_{flipped}", f"{start}_{lookup}_{secret.upper()}", f"{start}_{lookup.upper()}_{secret}"]
    near += [f"{start}_{lookup}_", f"{start}__{secret}", f"{lookup}_{secret}", f"{start}-{lookup}-{secret}"]
    near += [key.replace("a", "\u0430"), key.replace("u", "\uff55"), key.replace("_", "\u02cd"), key.replace("0", "٠")]
    near += [key[:20] + " " + key[20:], key[:20] + "\t" + key[20:], f'"{key}"', f"{key},{key}", f"{key};", f"{key}%00"]
    return [one.encode("utf-8").decode("latin-1") for one in near if one != key]


def test_what_is_nearly_a_key_opens_nothing_and_is_not_repeated(world, settings) -> None:
    key, other = world.keys["penora"], world.keys["imagegene"]
    crossed = "_".join((*key.split("_")[:2], other.split("_")[2]))
    before, path = everything(), f"/{BASE}user-info?user_id=alice"
    tried = [f"Bearer {near}" for near in (*variants(key), crossed)]
    tried += [f"Basic {key}", f"Token {key}", key, f"Bearer{key}", f"Bearer: {key}", "Bearer", "Bearer  ", f"Key {key}"]
    assert len(tried) > 90
    for header in tried:
        problem = refused(Client(headers={"Authorization": header}).get(path), 401)
        assert key.split("_")[2][:16] not in json.dumps(problem)
    assert everything() == before


def test_a_key_is_compared_in_constant_time_known_or_not(world, monkeypatch) -> None:
    compared = []
    real = hmac.compare_digest

    def note(one: Any, two: Any) -> bool:
        compared.append((len(one), len(two)))
        return real(one, two)

    monkeypatch.setattr(hmac, "compare_digest", note)
    for key in (world.keys["penora"], world.keys["penora"][:-1] + "x", "unk_" + "a" * 8 + "_" + "0" * 64):
        accounts.authenticate_key(plaintext=key)
    wrong = world.keys["penora"][:-1] + ("0" if world.keys["penora"][-1] != "0" else "1")
    accounts.authenticate_key(plaintext=wrong)
    # What does not look like a key at all is not looked up; everything else is compared, digest with digest.
    assert compared == [(64, 64)] * 3


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_is_good_for_its_person_and_its_bytes_alone(world, alice, bob, penora, path) -> None:
    save(alice, penora)
    save(bob, penora)
    mine = {"key": world.keys["penora"]}
    first = ask("GET", BASE + path, {"user_id": "alice", "limit": "1"}, {}, **mine).json()["next"]
    cursor = parse_qs(urlsplit(first).query)["cursor"][0]
    good = {"user_id": "alice", "limit": "1", "cursor": cursor}
    assert ask("GET", BASE + path, good, {}, **mine).status_code == 200
    for wrong in (
        {"user_id": "bobby", "cursor": cursor},
        *({"user_id": "alice", "cursor": cursor[:at] + "x" + cursor[at + 1 :]} for at in range(0, len(cursor), 5)),
        *(
            {"user_id": "alice", "cursor": forged}
            for forged in (cursor[:-1], cursor + "A", "e30:a:b", "::", "a" * 4_096)
        ),
    ):
        if wrong["cursor"] != cursor or wrong["user_id"] != "alice":
            problem = refused(ask("GET", BASE + path, {**wrong, "limit": "1"}, {}, **mine), 400)
            assert [error["field"] for error in problem["errors"]] == ["cursor"]


INJECTIONS = [
    "password",
    "user__password",
    "-user__email",
    "created_at;DROP TABLE workspace_project",
    "created_at,title",
    "?",
    "pk",
    "random()",
    "user_id) OR 1=1 --",
    "' OR '1'='1",
    "%' --",
    "__class__",
    '" NEAR("a" "b") *',
    "{}",
    "${7*7}",
    "\\",
]


def test_no_parameter_of_a_list_reaches_the_query_as_it_is(world) -> None:
    before = everything()
    names = (
        "ordering",
        "app_source",
        "app_name",
        "tag",
        "q",
        "project_type",
        "cause",
        "transaction_type",
        "user__email",
    )
    for path in LISTS:
        for name in names:
            for value in INJECTIONS:
                answer = ask("GET", BASE + path, {"user_id": "alice", name: value}, {}, key=world.keys["penora"])
                if answer.status_code != 200:
                    refused(answer, 400)
                else:
                    assert name in ("app_source", "app_name", "tag", "q"), (path, name, value)
                    assert (answer.json().get("results") or answer.json().get("all_projects") or []) == []
    assert everything() == before


@pytest.mark.parametrize("call", [call for call in API if call.startswith("GET ")])
def test_a_parameter_that_nobody_offers_is_refused_by_name(world, call) -> None:
    before, route = everything(), call.split()[1]
    for name in ("user__email", "id", "pk", "fields", "include", "format", "callback", "order_by", "user_id[]"):
        query = {**filled(API[call].sent, world.alices), name: "1"}
        problem = refused(ask("GET", BASE + route, query, world.alices, key=world.keys["penora"]), 400)
        assert [error["field"] for error in problem["errors"]] == [name]
    assert everything() == before


def test_an_idempotency_key_replays_nothing_for_another_app_or_person(world) -> None:
    def charge(app: str, user_id: str) -> Any:
        client = Client(headers={"Authorization": f"Bearer {world.keys[app]}", "Idempotency-Key": "shared"})
        body = {"user_id": user_id, "app_name": app, "amount": 1}
        return client.post(f"/{BASE}deduct-credits", body, content_type="application/json")

    first, second = charge("penora", "alice"), charge("imagegene", "alice")
    assert (first.status_code, second.status_code) == (200, 200)
    assert "Idempotency-Replayed" not in second
    assert first.json()["transaction_id"] != second.json()["transaction_id"]
    assert refused(charge("penora", "bobby"), 422)["code"] == "idempotency_key_reused"
    before = everything()
    assert charge("penora", "alice").content == first.content
    assert everything() == before


def test_anothers_etag_and_event_id_say_nothing(world) -> None:
    key = {"Authorization": f"Bearer {world.keys['penora']}"}
    alices, bobs = (f"/{BASE}project/{names['code']}" for names in (world.alices, world.bobs))
    etag = Client(headers=key).get(alices, {"user_id": "alice"})["ETag"]
    before = everything()
    change = {"user_id": "bobby", "title": "Mine"}
    answer = Client(headers={**key, "If-Match": etag}).patch(bobs, change, content_type="application/json")
    assert refused(answer, 412)["code"] == "version_mismatch"
    assert Client(headers={**key, "If-None-Match": etag}).get(bobs, {"user_id": "bobby"}).status_code == 200
    stream = Client(headers={"Authorization": f"Bearer {world.keys['bobsapp']}", "Last-Event-ID": "0"})
    heard = b"".join(stream.get(f"/{BASE}events/stream"))
    feed = stream.get(f"/{BASE}events", {"after": "0", "limit": "100"}).json()["results"]
    assert b"alice" not in heard
    assert {event["user_id"] for event in feed} == {"bobby"}
    assert everything() == before


def test_a_wrong_host_is_refused_and_a_forwarded_one_is_not_believed(world) -> None:
    key = {"Authorization": f"Bearer {world.keys['penora']}"}
    path = f"/{BASE}projects?user_id=alice&limit=1"
    for host in ("evil.example", "testserver@evil.example", "testserver.evil.example", "evil.example:80", "[::1"):
        assert "evil" not in json.dumps(refused(Client(headers={**key, "Host": host}).get(path), 400))
    forged = {"X-Forwarded-Host": "evil.example", "X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/"}
    answer = Client(
        headers={**key, **forged, "Forwarded": "host=evil.example", "X-HTTP-Method-Override": "DELETE"}
    ).get(path)
    assert answer.status_code == 200
    assert b"evil" not in answer.content


def test_no_answer_lets_a_page_of_another_origin_read_it(world) -> None:
    seen = set()
    for call in API:
        for method in (call.split()[0], "OPTIONS"):
            headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
            client = Client(raise_request_exception=False, headers=headers)
            client.cookies["sessionid"] = world.sessions["alice"]
            answer = client.generic(method, "/" + filled(BASE + call.split()[1], world.alices))
            seen |= {name.lower() for name in answer.headers}
    assert "x-request-id" in seen
    assert not [name for name in seen if name.startswith("access-control-")]


# Whoever opens connections to other machines: Redis, S3 and Stripe by their own libraries, mail by Django, and webhooks
# to where accounts/tests/test_webhooks.py says.
REACHING_OUT = {"requests", "httpx", "aiohttp", "urllib3", "ftplib", "telnetlib", "smtplib", "http", "socket", "urllib"}
ALLOWED = {
    "unified/gunicorn_hooks.py": {"socket"},
    "unified/live.py": {"socket"},
    "unified/gathering.py": {"socket"},
    "unified/outlet.py": {"socket"},
    "unified/patient_worker.py": {"socket"},
    "accounts/sockets.py": {"socket"},
    "accounts/webhooks/targets.py": {"socket"},
    "accounts/webhooks/sending.py": {"http", "socket"},
    "unified/management/commands/serve.py": {"urllib", "http", "socket"},
}
HARMLESS = {"urllib.parse", "http"}  # `from http import HTTPStatus`


def imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.split(".")[0] for name in found - HARMLESS}


def test_the_product_fetches_no_address_that_anybody_names() -> None:
    files = [file for app in ("accounts", "credits", "workspace", "unified") for file in (ROOT / app).rglob("*.py")]
    files = [file for file in files if not {"tests", "migrations"} & set(file.parts)]
    assert len(files) > 100
    found = {str(file.relative_to(ROOT)): imported(file) & REACHING_OUT for file in files}
    assert {name: names for name, names in found.items() if names - ALLOWED.get(name, set())} == {}


def test_an_address_in_any_text_is_not_asked(world, monkeypatch) -> None:
    import socket

    asked = []

    def note(*to: Any, **_: Any) -> list[Any]:
        asked.append(to)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", note)
    address = "http://169.254.169.254/latest/meta-data/"
    body = {"user_id": "alice", "app_source": "penora", "title": address, "metadata": {"url": address}}
    for kind, content in (("text", f"![]({address})"), ("image", address), ("ai_art", f"data:{address}")):
        answer = sent(world, "POST save-project", {**body, "project_type": kind, "content": content})
        assert (answer.status_code == 201) is (kind == "text")
    assert asked == []


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.mark.parametrize("route", sorted({call.split()[1] for call in API}))
def test_what_may_be_asked_of_a_path_is_what_it_says(world, route):
    client = Client(raise_request_exception=False)
    path = "/" + filled(BASE + route, world.alices)
    answers = {method: client.generic(method, path) for method in METHODS}
    refused = {method for method, answer in answers.items() if answer.status_code == 405}
    assert "OPTIONS" in refused
    for method in refused:
        assert set(answers[method]["Allow"].split(", ")) == set(METHODS) - refused
