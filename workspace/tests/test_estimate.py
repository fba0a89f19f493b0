"""Estimates over HTTP: by the price book, by a document's pages, for whom, and what is refused."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from accounts.tests.cast import client_of
from credits.models import Price
from workspace.tests import papers
from workspace.tests.cast import BASE

pytestmark = pytest.mark.django_db
ESTIMATE = f"{BASE}/estimate"


def estimate(api: APIClient, data: bytes, name: str = "file", **fields: str):
    return api.post(ESTIMATE, {**fields, "file": SimpleUploadedFile(name, data)}, format="multipart")


def problem(answer) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def named(answer) -> set[str]:
    assert problem(answer) == (400, "invalid_request")
    return {error["field"] for error in answer.json()["errors"]}


@pytest.fixture
def browser(alice: User, client) -> APIClient:
    client.force_login(alice)
    return client


def test_an_operation_is_estimated_without_pages(alice, penora_api):
    body = {"user_id": "alice", "operation": "page_generation", "quantity": 61}
    assert penora_api.post(ESTIMATE, body, format="json").json() == {
        "pages": None,
        "operation": "page_generation",
        "quantity": 61,
        "credits_required": 61,
        "affordable": False,
        "credits": 60,
    }


def test_an_operations_quantity_is_one_unless_given(penora_api):
    body = penora_api.post(ESTIMATE, {"operation": "premium_feature"}, format="json").json()
    assert (body["quantity"], body["credits_required"], body["affordable"], body["credits"]) == (1, 5, None, None)


@pytest.mark.parametrize(
    ("data", "name", "pages"),
    [
        (papers.pdf(12), "report.pdf", 12),
        (papers.docx(papers.PAGE_BREAK * 3), "letter.docx", 4),
        (papers.tiff(5), "scan.tif", 5),
        (b"x" * 3601, "story.txt", 3),
        (papers.drawing("PNG"), "photo.png", 1),
        (papers.pdf(2), "no pdf by its name.txt", 2),
    ],
)
def test_a_files_pages_are_the_quantity(alice, penora_api, data, name, pages):
    answer = estimate(penora_api, data, name, user_id="alice")
    assert answer.status_code == 200
    assert answer.json() == {
        "pages": pages,
        "operation": "file_processing",
        "quantity": pages,
        "credits_required": pages,
        "affordable": True,
        "credits": 60,
    }


def test_another_operation_may_be_priced_by_page(alice, penora, penora_api):
    Price.objects.create(app=penora, operation="translation", unit="page", credits=9)
    body = estimate(penora_api, papers.pdf(7), user_id="alice", operation="translation").json()
    assert (body["operation"], body["credits_required"], body["affordable"]) == ("translation", 63, False)


def test_a_file_can_be_estimated_for_nobody(penora_api):
    body = estimate(penora_api, papers.pdf(2)).json()
    assert (body["pages"], body["affordable"], body["credits"]) == (2, None, None)


def test_an_estimate_keeps_nothing(alice, penora_api, stored):
    estimate(penora_api, papers.pdf(2), user_id="alice")
    before = stored()
    estimate(penora_api, papers.pdf(12), user_id="alice")
    estimate(penora_api, b"\0", user_id="alice")
    assert stored() == before


def test_a_form_without_a_file_is_an_operation(alice, penora_api):
    fields = {"user_id": "alice", "operation": "page_generation", "quantity": "3"}
    body = penora_api.post(ESTIMATE, fields, format="multipart").json()
    assert (body["pages"], body["credits_required"]) == (None, 3)


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"", "empty.txt", 400, "invalid_document"),
        (papers.pdf(3)[:200], "report.pdf", 400, "invalid_document"),
        (papers.pdf(3, password="secret"), "report.pdf", 400, "encrypted_document"),
        (papers.drawing("PNG")[:20], "photo.png", 400, "invalid_image"),
        (b"<!doctype html><p>x", "report.pdf", 415, "unsupported_media"),
        (papers.zipped({"a": b"b"}), "letter.docx", 415, "unsupported_media"),
        (papers.chain(10_001), "scan.tif", 413, "document_too_large"),
    ],
)
def test_a_file_that_cannot_be_counted_is_refused(alice, penora_api, data, name, status, code):
    assert problem(estimate(penora_api, data, name, user_id="alice")) == (status, code)


def test_a_file_larger_than_an_upload_may_be_is_refused(alice, penora_api, settings):
    settings.MAX_UPLOAD_BYTES = 1_000
    assert problem(estimate(penora_api, b"x" * 1_001)) == (413, "document_too_large")


def test_wrong_fields_are_named(alice, penora_api):
    assert named(estimate(penora_api, b"x", quantity="3")) == {"quantity"}
    assert named(estimate(penora_api, b"x", operation="nothing")) == {"operation"}
    assert named(estimate(penora_api, b"x", user_id="a b")) == {"user_id"}
    assert named(penora_api.post(ESTIMATE, {"file": "words"}, format="multipart")) == {"file"}
    assert named(penora_api.post(ESTIMATE, {"file": "words", "operation": "x"}, format="json")) == {"file"}
    assert named(penora_api.post(ESTIMATE, {}, format="json")) == {"operation"}
    two = {"file": [SimpleUploadedFile("a", b"x"), SimpleUploadedFile("b", b"y")]}
    assert named(penora_api.post(ESTIMATE, two, format="multipart")) == {"file"}


def test_an_unknown_user_is_refused_before_the_file(penora_api, db):
    assert problem(estimate(penora_api, b"\0", user_id="nobody")) == (404, "user_not_found")


def test_an_estimate_asks_for_its_scope(penora, alice):
    without = client_of(accounts.create_api_key(app=penora, scopes=["credits:charge"])[1])
    assert problem(estimate(without, papers.pdf(1), user_id="alice")) == (403, "missing_scope")
    assert estimate(APIClient(), papers.pdf(1)).status_code == 401


def test_a_person_estimates_a_file_for_themselves(browser, bob):
    body = browser.post(ESTIMATE, {"file": SimpleUploadedFile("a.pdf", papers.pdf(4))}).json()
    assert (body["pages"], body["credits_required"], body["credits"]) == (4, 4, 60)
    other = browser.post(ESTIMATE, {"file": SimpleUploadedFile("a.pdf", papers.pdf(4)), "user_id": "bob"})
    assert problem(other) == (404, "user_not_found")


def test_the_reference_shows_both_ways_to_ask(client):
    schema = client.get("/api/schema").json()
    described = schema["paths"]["/api/unified/estimate"]["post"]
    assert set(described["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert "pages" in schema["components"]["schemas"]["EstimateAnswer"]["required"]
