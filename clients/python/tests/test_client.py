"""The client against a real HTTP server in a thread that answers from a script and writes down what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from unified_client import (
    AuthenticationFailed,
    BadRequest,
    BatchCharge,
    Client,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InsufficientCredits,
    NotFound,
    RateLimited,
    Retry,
    ServerFault,
    TooLarge,
    UnifiedError,
    WorkspaceFull,
)

HANG_UP = -1
CUT_SHORT = -2


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Script:
    """Answers in order, as (status, body, headers); the last one repeats."""

    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    url: str = ""

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, {} if body is None else body, named))

    def client(self, **retry: Any) -> Client:
        return Client(self.url, "unk_test", timeout=5, retry=Retry(sleep=self.waits.append, **retry))


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append(Asked(self.command, self.path, headers, body))
            status, answer, extra = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if status == HANG_UP:
                return
            text = answer if isinstance(answer, str | bytes) else json.dumps(answer)
            payload = text.encode() if isinstance(text, str) else text
            self.send_response(200 if status == CUT_SHORT else status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload) + (50 if status == CUT_SHORT else 0)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def script() -> Iterator[Script]:
    made = Script()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_sends_the_key_of_the_app_and_the_fields_that_were_given(script: Script) -> None:
    script.answer(200, {"transaction_id": "txn_1", "amount": 2})
    receipt = script.client().deduct_credits("user123", 2, app_name="penora", description="Bild für Zoë")
    asked = script.asked[0]
    assert receipt["transaction_id"] == "txn_1"
    assert (asked.method, asked.path) == ("POST", "/api/unified/deduct-credits")
    assert asked.headers["authorization"] == "Bearer unk_test"
    assert asked.json == {"user_id": "user123", "amount": 2, "app_name": "penora", "description": "Bild für Zoë"}


def test_a_batch_names_the_app_in_every_charge_and_gives_one_result_each(script: Script) -> None:
    results = [{"key": "a", "status": 200, "amount": 2}, {"key": "b", "status": 402, "code": "insufficient_credits"}]
    script.answer(500)
    script.answer(200, {"results": results})
    charges: list[BatchCharge] = [
        {"key": "a", "user_id": "user123", "amount": 2},
        {"key": "b", "user_id": "user456", "operation": "page_generation", "quantity": 3},
    ]
    assert script.client().charge_batch(charges, app_name="penora") == results
    first, again = script.asked
    assert first.path == "/api/unified/deduct-credits/batch"
    assert first.json == {"charges": [{**charge, "app_name": "penora"} for charge in charges], "atomic": False}
    assert (first.key, first.body) == (again.key, again.body)


def test_a_batch_that_is_to_be_done_as_a_whole_raises_its_first_refusal(script: Script) -> None:
    refused = [{"index": 0, "key": "a", "status": 402, "code": "insufficient_credits", "detail": "Short."}]
    script.answer(402, {"code": "insufficient_credits", "shortfall": 3, "refused": refused, "refused_count": 1})
    with pytest.raises(InsufficientCredits) as error:
        script.client().charge_batch([{"key": "a", "user_id": "u", "amount": 9}], app_name="penora", atomic=True)
    assert script.asked[0].json["atomic"] is True
    assert (error.value.shortfall, error.value.facts["refused"]) == (3, refused)


@pytest.mark.parametrize("failure", [500, 502, 503, 504, 429, HANG_UP, CUT_SHORT])
def test_repeats_a_failed_write_with_the_same_key_and_body(script: Script, failure: int) -> None:
    script.answer(failure)
    script.answer(failure)
    script.answer(200, {"transaction_id": "txn_1"})
    script.client().deduct_credits("user123", 2, app_name="penora")
    assert len(script.asked) == 3
    assert len({asked.key for asked in script.asked}) == 1
    assert script.asked[0].key
    assert len({asked.body for asked in script.asked}) == 1


def test_repeats_while_the_first_attempt_is_still_running(script: Script) -> None:
    script.answer(409, {"code": "idempotency_in_progress"}, Retry_After="3")
    script.answer(201, {"project_code": "ABC234"})
    script.client().save_project("u", app_source="penora", project_type="text", title="T", content="x")
    assert script.asked[0].key == script.asked[1].key
    assert 3 <= script.waits[0] < 4


def test_takes_a_new_key_for_a_new_call_and_the_callers_key_when_given(script: Script) -> None:
    script.answer(200)
    client = script.client()
    client.deduct_credits("u", 1, app_name="penora")
    client.deduct_credits("u", 1, app_name="penora")
    client.deduct_credits("u", 1, app_name="penora", idempotency_key="order-7")
    keys = [asked.key for asked in script.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "order-7"


CALLS: dict[str, tuple[Callable[[Client], Any], str, str]] = {
    "create_user": (lambda c: c.create_user("u", "U", "u@x.org"), "POST", "create-user"),
    "give_bonus_credits": (lambda c: c.give_bonus_credits(5, "hi", all_users=True), "POST", "give-bonus-credits"),
    "hold": (lambda c: c.hold("u", 3, app_name="penora", storage_bytes=9), "POST", "holds"),
    "capture": (lambda c: c.capture("hold_1", "u", 2, final=True), "POST", "hold/hold_1/capture"),
    "release": (lambda c: c.release("hold_1", "u"), "POST", "hold/hold_1/release"),
    "update_project": (lambda c: c.update_project("u", "ABC234", favourite=False), "PATCH", "project/ABC234"),
    "delete_project": (lambda c: c.delete_project("u", "ABC234"), "DELETE", "project/ABC234?user_id=u"),
    "delete_projects": (lambda c: c.delete_projects("u", ["ABC234"], permanent=True), "POST", "projects/delete"),
    "compress_projects": (lambda c: c.compress_projects("u", ["ABC234"]), "POST", "projects/compress"),
    "restore_version": (lambda c: c.restore_version("u", "ABC234", 3), "POST", "project/ABC234/versions/3/restore"),
    "checkout": (lambda c: c.checkout("u", "plus"), "POST", "checkout"),
    "restore_projects": (lambda c: c.restore_projects("u", ["ABC234"]), "POST", "projects/restore"),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_write_carries_a_key(script: Script, name: str) -> None:
    call, method, path = CALLS[name]
    script.answer(200)
    call(script.client())
    assert (script.asked[0].method, script.asked[0].path) == (method, f"/api/unified/{path}")
    assert script.asked[0].key


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda c: c.user_info("a b"), "user-info?user_id=a+b"),
        (lambda c: c.storage_stats("u"), "storage-stats?user_id=u"),
        (lambda c: c.cleanup("u", required_bytes=9), "cleanup?user_id=u&required_bytes=9"),
        (lambda c: c.version("u", "ABC234", 3), "project/ABC234/versions/3?user_id=u"),
        (lambda c: c.project("u", "../admin"), "project/..%2Fadmin?user_id=u"),
        (lambda c: c.prices(), "prices"),
        (lambda c: c.packages(), "packages"),
    ],
)
def test_reads_carry_no_key_and_quote_what_they_are_given(
    script: Script, call: Callable[[Client], Any], path: str
) -> None:
    script.answer(200)
    call(script.client())
    assert script.asked[0].path == f"/api/unified/{path}"
    assert script.asked[0].key is None


def test_saves_a_picture_as_base64_and_pays_in_the_same_call(script: Script) -> None:
    script.answer(201, {"project_code": "ABC234"})
    charge: Any = {"operation": "image_generation", "quantity": 1, "description": "Fox"}
    script.client().save_project(
        "u", app_source="imagegene", project_type="ai_art", title="Fox", content=b"\x89PNG", charge=charge
    )
    assert script.asked[0].json["content"] == "iVBORw=="
    assert script.asked[0].json["charge"] == charge
    assert "hold_id" not in script.asked[0].json


def test_fetches_bytes_as_they_are_and_asks_again_when_the_server_is_busy(script: Script) -> None:
    script.answer(503, {"code": "pictures_busy"}, Retry_After="1")
    script.answer(200, b"\x89PNG\r\n\xff")
    assert script.client().project_content("u", "ABC234", "png") == b"\x89PNG\r\n\xff"
    assert script.asked[1].path == "/api/unified/project/ABC234/content?user_id=u&format=png"


def test_raises_when_there_are_no_such_bytes(script: Script) -> None:
    script.answer(404, {"code": "project_not_found"})
    with pytest.raises(NotFound):
        script.client().project_content("u", "ABC234")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, AuthenticationFailed),
        (402, InsufficientCredits),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, NotFound),
        (412, BadRequest),
        (413, TooLarge),
        (422, BadRequest),
        (507, WorkspaceFull),
        (501, ServerFault),
    ],
)
def test_raises_the_kind_of_error_that_fits_at_once(script: Script, status: int, kind: type[UnifiedError]) -> None:
    script.answer(status, {"code": "some_code", "detail": "Why.", "title": "T", "status": status, "limit": 3})
    with pytest.raises(kind) as raised:
        script.client().deduct_credits("u", 1, app_name="penora")
    assert len(script.asked) == 1
    assert (raised.value.status, raised.value.code, raised.value.detail) == (status, "some_code", "Why.")
    assert raised.value.facts == {"limit": 3}
    assert raised.value.idempotency_key == script.asked[0].key


def test_says_what_is_missing_and_where_to_get_it(script: Script) -> None:
    script.answer(402, {"code": "insufficient_credits", "shortfall": 4, "top_up_url": "https://u.example/credits/"})
    with pytest.raises(InsufficientCredits) as raised:
        script.client().deduct_credits("u", 5, app_name="penora")
    assert (raised.value.shortfall, raised.value.top_up_url) == (4, "https://u.example/credits/")


def test_a_page_of_html_is_an_error_with_its_status(script: Script) -> None:
    script.answer(413, "<html>too big</html>")
    with pytest.raises(TooLarge) as raised:
        script.client().user_info("u")
    assert raised.value.code == "http_413"


def test_never_follows_a_redirect(script: Script) -> None:
    script.answer(302, {}, Location="http://elsewhere.example/")
    with pytest.raises(UnifiedError) as raised:
        script.client().deduct_credits("u", 1, app_name="penora")
    assert (raised.value.status, len(script.asked)) == (302, 1)


def test_gives_up_after_the_agreed_attempts_and_hands_over_the_key(script: Script) -> None:
    script.answer(HANG_UP)
    with pytest.raises(ConnectionFailed) as raised:
        script.client(attempts=3).deduct_credits("u", 1, app_name="penora", idempotency_key="order-7")
    assert (len(script.asked), raised.value.idempotency_key) == (3, "order-7")


def test_does_not_repeat_a_conditional_update_that_may_have_happened(script: Script) -> None:
    script.answer(HANG_UP)
    with pytest.raises(ConnectionFailed):
        script.client().update_project("u", "ABC234", title="New", if_match='"3"')
    assert len(script.asked) == 1
    assert script.asked[0].headers["if-match"] == '"3"'


@pytest.mark.parametrize(
    ("code", "wait"),
    [("spending_cap_reached", "1"), ("rate_limited", "86400"), ("rate_limited", "Fri, 01 Jan 2100 00:00:00 GMT")],
)
def test_does_not_wait_for_a_cap_or_for_hours(script: Script, code: str, wait: str) -> None:
    script.answer(429, {"code": code}, Retry_After=wait)
    with pytest.raises(RateLimited):
        script.client().deduct_credits("u", 1, app_name="penora")
    assert (len(script.asked), script.waits) == (1, [])


def test_backs_off_longer_each_time(script: Script) -> None:
    script.answer(502)
    with pytest.raises(ServerFault):
        script.client(attempts=5, first_wait=0.1).user_info("u")
    assert len(script.waits) == 4
    assert script.waits == sorted(script.waits)


def test_projects_walks_all_pages_without_leaving_the_host(script: Script) -> None:
    link = "https://public.example/api/unified/projects?user_id=u&cursor=abc%3D&limit=1"
    script.answer(200, {"all_projects": [{"project_code": "AAAAAA"}], "next": link})
    script.answer(200, {"all_projects": [{"project_code": "BBBBBB"}], "next": None})
    codes = [project["project_code"] for project in script.client().projects("u", favourite=True, limit=1)]
    assert codes == ["AAAAAA", "BBBBBB"]
    assert script.asked[0].path == "/api/unified/projects?user_id=u&favourite=true&limit=1"
    assert script.asked[1].path == "/api/unified/projects?user_id=u&cursor=abc%3D&limit=1"


def test_transactions_walks_all_pages(script: Script) -> None:
    script.answer(200, {"results": [{"amount": -2}], "next": "/api/unified/transactions?cursor=x"})
    script.answer(200, {"results": [{"amount": 50}, {"amount": 10}], "next": None})
    assert [entry["amount"] for entry in script.client().transactions("u")] == [-2, 50, 10]


def test_estimate_sends_a_file_as_a_form(script: Script) -> None:
    script.answer(200, {"pages": 3, "credits_required": 3, "affordable": True})
    script.client().estimate("u", "file_processing", file=b"%PDF-1.7", filename="a b.pdf")
    asked = script.asked[0]
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="operation"\r\n\r\nfile_processing\r\n' in asked.body
    assert b'name="file"; filename="a%20b.pdf"\r\n\r\n%PDF-1.7\r\n--' in asked.body


def test_refuses_a_base_url_that_is_none() -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client("127.0.0.1:8000", "unk_test")
