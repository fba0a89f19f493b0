"""The strict parsers, the problem answers, the pages and the request id, through small views of our own."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.errors import DomainError
from unified import api
from unified.middleware import RequestIdFilter, RequestIdMiddleware, Utf8Request

START = datetime(2026, 1, 1, tzinfo=UTC)
BOUNDARY = "frontier"


class Short(DomainError):
    code = "insufficient_credits"
    status = 402
    title = "Not enough credits"


class Open(APIView):
    authentication_classes = ()
    permission_classes = ()


class Echo(Open):
    parser_classes = (api.StrictJSONParser, api.StrictFormParser)

    def post(self, request):
        names = {name: value if isinstance(value, str) else value.name for name, value in request.FILES.items()}
        return Response({"data": {**request.data.dict(), **names} if request.FILES else request.data})


class Sessions(Open):
    pagination_class = api.KeysetPagination
    ordering_fields = {"expires_at": "expire_date", "key": "session_key"}
    default_ordering = "-expires_at"

    def get(self, request):
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(Session.objects.all(), request, self)
        return paginator.get_paginated_response([row.session_key for row in page])


def raising(error):
    class Raising(Open):
        def get(self, request):
            raise error

    return Raising.as_view()


def answer(error):
    return raising(error)(APIRequestFactory().get("/api/unified/thing"))


def post(body, content_type="application/json", **extra):
    request = APIRequestFactory().generic("POST", "/api/unified/echo", body, content_type=content_type, **extra)
    return Echo.as_view()(request)


def problem_of(response):
    assert response["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code
    assert {"type", "title", "detail", "instance", "code"} <= set(problem)
    return problem


HOSTILE = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "duplicate keys": b'{"a":1,"a":2}',
    "infinite number": b'{"a":1e400}',
    "not a number": b'{"a":NaN}',
    "huge integer": b'{"a":' + b"9" * 5000 + b"}",
    "lone surrogate": rb'{"a":"\ud800"}',
    "lone surrogate in a key": rb'{"\ud800":1}',
    "escaped nul": rb'{"a":"\u0000"}',
    "raw nul": b'{"a":"\x00"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"a":1}'.encode("utf-16"),
    "invalid utf-8": b'{"a":"\xff"}',
    "encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "top-level list": b"[1]",
    "top-level string": b'"a"',
    "top-level null": b"null",
    "truncated": b'{"a":',
    "not json": b"a=1",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_answers_hostile_json_with_a_problem(body):
    response = post(body)
    assert response.status_code == 400
    assert problem_of(response)["code"] == "invalid_request"


def test_names_the_duplicate_key_and_the_broken_string():
    assert problem_of(post(b'{"amount":1,"amount":2}'))["errors"][0]["field"] == "amount"
    error = problem_of(post(rb'{"a":[{"b":"\ud800"}]}'))["errors"][0]
    assert (error["field"], error["code"]) == ("a.0.b", "invalid_text")


def test_reads_an_ordinary_object_and_leaves_the_body_readable():
    request = APIRequestFactory().generic("POST", "/", '{"a": "é"}', content_type="application/json; charset=UTF-8")
    assert Echo.as_view()(request).data == {"data": {"a": "é"}}
    assert request.body == '{"a": "é"}'.encode()


@pytest.mark.parametrize("content_type", ["application/json", f"multipart/form-data; boundary={BOUNDARY}"])
def test_counts_the_bytes_of_a_body_whatever_its_length_header_says(settings, content_type):
    settings.MAX_BODY_BYTES = 100
    response = post(
        part("a", b"x" * 200) if "multipart" in content_type else b'{"a":"' + b"x" * 200 + b'"}', content_type
    )
    assert response.status_code == 413
    assert problem_of(response)["code"] == "body_too_large"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "nonsense", "a/b/c;;="],
)
def test_refuses_other_media_types(content_type):
    response = post(b'{"a":1}', content_type)
    assert response.status_code == 415
    problem_of(response)


def part(name, value, extra=b"", *, end=True):
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (BOUNDARY.encode(), name.encode(), extra)
    return head + value + (b"\r\n--%s--\r\n" % BOUNDARY.encode() if end else b"\r\n")


def test_reads_a_form_with_a_file():
    request = APIRequestFactory().post(
        "/", {"title": "é", "file": SimpleUploadedFile("a.txt", b"x")}, format="multipart"
    )
    assert Echo.as_view()(request).data == {"data": {"title": "é", "file": "a.txt"}}


FORMS = {
    "duplicate field": part("a", b"1", end=False) + part("a", b"2"),
    "field and file of one name": part("a", b"1", end=False) + part("a", b"2", b'; filename="x"'),
    "nul": part("a", b"\x00"),
    "invalid utf-8": part("a", b"\xff"),
    "bad base64 file": part("a", b"!", b'; filename="x"\r\nContent-Transfer-Encoding: base64'),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
def test_answers_a_hostile_form_with_a_problem(body):
    response = post(body, f"multipart/form-data; boundary={BOUNDARY}")
    assert response.status_code == 400
    assert problem_of(response)["code"] == "invalid_request"


@pytest.mark.parametrize("parameters", ["", "; boundary=", "; boundary=é"])
def test_answers_a_form_without_a_usable_boundary_with_a_problem(parameters):
    response = post(part("a", b"1"), f"multipart/form-data{parameters}")
    assert response.status_code == 400
    problem_of(response)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("secret"), 404, "not_found"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.AuthenticationFailed(), 401, "invalid_key"),
        (exceptions.PermissionDenied("no", code="missing_scope"), 403, "missing_scope"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("a/b"), 415, "unsupported_media_type"),
        (exceptions.ParseError("no"), 400, "invalid_request"),
        (RequestDataTooBig(), 413, "body_too_large"),
        (TooManyFieldsSent(), 400, "invalid_request"),
        (BadRequest(), 400, "invalid_request"),
        (UnicodeDecodeError("utf-8", b"secret", 0, 1, "no"), 400, "invalid_request"),
    ],
)
def test_turns_a_known_error_into_a_problem(error, status, code):
    response = answer(error)
    assert response.status_code == status
    assert problem_of(response)["code"] == code
    assert b"secret" not in response.content


def test_renders_a_domain_error_with_its_facts_and_headers(settings):
    response = answer(Short("You need 3 more.", headers={"Retry-After": "2"}, shortfall=3, status="no"))
    assert response["Retry-After"] == "2"
    assert problem_of(response) == {
        "type": f"{settings.PUBLIC_URL}/api/docs#insufficient_credits",
        "title": "Not enough credits",
        "status": 402,
        "detail": "You need 3 more.",
        "instance": "/api/unified/thing",
        "code": "insufficient_credits",
        "shortfall": 3,
    }


def test_flattens_nested_field_errors_into_dotted_paths():
    detail = {"charges": [{}, {"amount": ["bad"]}], "tags": {3: ["long"]}, "non_field_errors": ["both"]}
    errors = problem_of(answer(exceptions.ValidationError(detail)))["errors"]
    assert [(error["field"], error["detail"]) for error in errors] == [
        ("charges.1.amount", "bad"),
        ("tags.3", "long"),
        ("", "both"),
    ]


def test_challenges_the_unauthenticated():
    assert answer(exceptions.NotAuthenticated())["WWW-Authenticate"] == 'Bearer realm="unified"'
    assert answer(exceptions.AuthenticationFailed())["WWW-Authenticate"].startswith('Bearer realm="unified"')


def test_says_which_methods_are_allowed():
    response = Echo.as_view()(APIRequestFactory().get("/api/unified/echo"))
    assert problem_of(response)["code"] == "method_not_allowed"
    assert response["Allow"] == "POST, OPTIONS"


def test_says_when_to_come_back():
    response = answer(exceptions.Throttled(wait=1.2))
    assert response["Retry-After"] == "2"
    assert problem_of(response)["code"] == "rate_limited"


def test_sends_problems_as_problems_whatever_is_accepted():
    response = raising(Http404())(APIRequestFactory().get("/api/unified/x", headers={"Accept": "text/html"}))
    assert response.status_code == 406
    problem_of(response)


def test_logs_a_bug_and_tells_only_the_request_id(caplog):
    request = APIRequestFactory().get("/api/unified/thing")
    request.request_id = "abc"
    response = raising(RuntimeError("secret"))(request)
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["request_id"]) == (500, "internal_error", "abc")
    assert b"secret" not in response.content
    assert any(record.exc_info and "secret" in str(record.exc_info[1]) for record in caplog.records)


def test_lets_a_bug_surface_where_settings_ask_for_it(settings):
    settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    with pytest.raises(RuntimeError):
        answer(RuntimeError("bug"))


@pytest.mark.parametrize(
    ("view", "arguments", "status"),
    [
        (api.bad_request, [BadRequest()], 400),
        (api.bad_request, [RequestDataTooBig()], 413),
        (api.permission_denied, [Exception()], 403),
        (api.page_not_found, [Http404()], 404),
        (api.server_error, [], 500),
        (api.csrf_failure, ["reason"], 403),
    ],
)
def test_answers_programs_with_problems_where_django_would_send_pages(view, arguments, status):
    response = view(RequestFactory().get("/api/unified/\x00é"), *arguments)
    assert response.status_code == status
    assert problem_of(response)["instance"] == "/api/unified/%00%C3%A9"


def test_answers_people_with_pages():
    response = api.csrf_failure(RequestFactory().get("/login"), "reason")
    assert response["Content-Type"].startswith("text/html")


@pytest.fixture
def sessions(db):
    # Three moments for ten rows, so that the tie-break matters.
    rows = [Session(session_key=f"k{n}", expire_date=START + timedelta(days=n % 3)) for n in range(10)]
    Session.objects.bulk_create(rows)
    return [row.session_key for row in sorted(rows, key=lambda row: (row.expire_date, row.session_key), reverse=True)]


def page(url):
    return Sessions.as_view()(APIRequestFactory().get(url))


def walk(url, link="next"):
    found = []
    while url:
        response = page(url)
        found.append(response.data["results"])
        url = response.data[link]
        last = response
    return found, last


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
def test_walks_a_list_forth_and_back_without_gap_or_repeat(sessions, limit):
    forth, last = walk(f"/api/unified/list?limit={limit}")
    assert [key for keys in forth for key in keys] == sessions
    if last.data["previous"]:
        back, first = walk(last.data["previous"], "previous")
        assert [key for keys in reversed(back) for key in keys] == sessions[: -len(forth[-1])]
        assert first.data["previous"] is None


def test_walks_in_the_order_asked_for(sessions):
    forth, _ = walk("/api/unified/list?limit=4&ordering=key")
    assert [key for keys in forth for key in keys] == sorted(sessions)


def test_stays_in_place_while_rows_come_and_go(sessions):
    first = page("/api/unified/list?limit=4").data
    Session.objects.create(session_key="new", expire_date=START + timedelta(days=9))
    Session.objects.filter(session_key__in=first["results"][-1:]).delete()
    assert page(first["next"]).data["results"] == sessions[4:8]


def test_builds_links_on_the_address_of_the_request(sessions):
    assert (
        page("/api/unified/list?limit=4").data["next"].startswith("http://testserver/api/unified/list?limit=4&cursor=")
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=%D9%A5", "limit"),
        ("limit=1_0", "limit"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=1", "limit"),
        ("cursor=", "cursor"),
        ("cursor=forged", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%ED%A0%80:a:b", "cursor"),
        ("cursor=" + "x" * 5000, "cursor"),
        pytest.param("cursor=" + signing.dumps([1, 2]), "cursor", id="signed-for-another-use"),
        pytest.param("cursor=" + signing.dumps([1, 2], salt="unified.pagination"), "cursor", id="signed-nonsense"),
        ("ordering=session_data", "ordering"),
        ("ordering=--key", "ordering"),
    ],
)
def test_refuses_a_wrong_page_parameter_by_name(db, query, field):
    response = page(f"/api/unified/list?{query}")
    assert response.status_code == 400
    problem = problem_of(response)
    assert (problem["code"], problem["errors"][0]["field"]) == ("invalid_request", field)


@pytest.mark.parametrize(
    "other", ["/api/unified/other?limit=4", "/api/unified/list?ordering=key", "/api/unified/list?q=a"]
)
def test_refuses_a_cursor_of_another_list(sessions, other):
    cursor = page("/api/unified/list?limit=4").data["next"].partition("cursor=")[2]
    assert problem_of(page(f"{other}&cursor={cursor}"))["errors"][0]["field"] == "cursor"


def through_middleware(**extra):
    seen = {}

    def view(request):
        record = logging.LogRecord("x", logging.INFO, "", 0, "", (), None)
        RequestIdFilter().filter(record)
        seen.update(view=request.request_id, log=record.request_id)
        return HttpResponse()

    response = RequestIdMiddleware(view)(RequestFactory().get("/", **extra))
    return response["X-Request-ID"], seen


def test_keeps_a_request_id_of_the_caller_in_view_log_and_answer():
    request_id, seen = through_middleware(headers={"X-Request-ID": "a.B_9-z"})
    assert (request_id, seen["view"], seen["log"]) == ("a.B_9-z",) * 3


@pytest.mark.parametrize("offered", ["", "a b", "x" * 129, "é", "a\n"])
def test_makes_a_request_id_where_the_offered_one_is_unusable(offered):
    request_id, seen = through_middleware(headers={"X-Request-ID": offered})
    assert len(request_id) == 32
    assert seen["log"] == request_id


@pytest.mark.parametrize("parameter", ["charset=bz2_codec", "charset=utf-16", "charset*=nonsense''x", "x*=nonsense''x"])
def test_reads_the_query_string_as_utf8_whatever_the_content_type_claims(parameter):
    environ = RequestFactory().get("/?a=%C3%A9").environ
    request = Utf8Request({**environ, "CONTENT_TYPE": f"application/json; {parameter}"})
    assert request.GET["a"] == "é"
    assert request.content_type == "application/json"


@pytest.mark.parametrize("header", ["Content-Type", "Accept"])
def test_answers_an_unreadable_media_type_header_with_a_problem(header):
    headers = {"Content-Type": "application/json", header: "application/json; x*=nonsense''x"}
    environ = RequestFactory().post("/api/unified/echo", b"{}", content_type="application/json").environ
    environ |= {"CONTENT_TYPE": headers["Content-Type"], "HTTP_ACCEPT": headers.get("Accept", "*/*")}
    response = Echo.as_view()(Utf8Request(environ))
    assert response.status_code in {200, 400, 406, 415}
    assert response.status_code == 200 or problem_of(response)


def test_keeps_answers_out_of_shared_caches(client, db):
    response = client.get("/api/unified/user-info")
    assert response["Cache-Control"] in {"private, no-cache", "no-store"}
    assert "Authorization" in response["Vary"]
    assert client.get("/accounts/login/")["Cache-Control"] != ""
