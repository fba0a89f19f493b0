"""What a machine makes of the OpenAPI document: thousands of calls, each answered as the document says."""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from django.test import Client
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from urllib3 import HTTPResponse

from credits import services as credits
from unified import live
from unified.reference import document
from workspace import content
from workspace import services as workspace
from workspace.models import ProjectVersion
from workspace.tests.cast import save

OPERATIONS = sum(len(methods) for methods in document()["paths"].values())
# Of each operation; together 2,000, however many operations there are.
LEAST = -(-2_000 // OPERATIONS)
# What a JSON Schema cannot say is refused with 400: either an amount or an operation, a price there is.
REFUSALS = ["400", "402", "410", "412", "413", "415", "416", "422"]
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 1,
        "generation": {"deterministic": True, "max-examples": LEAST, "database": "none", "no-shrink": True},
        "checks": {
            # Its calls without a key would leave this process; test_route_sweep calls every route without one.
            "ignored_auth": {"enabled": False},
            "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503", "507"]},
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "507", *REFUSALS]
            },
            "negative_data_rejection": {
                "expected-statuses": [
                    "400",
                    "401",
                    "403",
                    "404",
                    "405",
                    "406",
                    "409",
                    "410",
                    "413",
                    "415",
                    "416",
                    "422",
                ]
            },
        },
        "suppress-health-check": ["all"],
    }
)
schema = schemathesis.openapi.from_dict(document(), config=CONFIG)
made: Counter[str] = Counter()


class InProcess(HTTPAdapter):
    """Hands requests to the product in this process, within the test's own transaction."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        headers = {name: _text(value) for name, value in request.headers.items()}
        kind = headers.pop("Content-Type", "application/octet-stream")
        headers.pop("Content-Length", None)
        body = request.body or b""
        client = Client(raise_request_exception=False)
        answer = client.generic(request.method, request.path_url, body, content_type=kind, headers=headers)
        raw = HTTPResponse(
            BytesIO(b"".join(answer)),
            answer.items(),
            answer.status_code,
            request_method=request.method,
            preload_content=False,
        )
        return self.build_response(request, raw)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.fixture
def product() -> Session:
    session = Session()
    session.mount("http://", InProcess())
    return session


@pytest.fixture
def known(alice, penora, penora_key, shop, monkeypatch, settings) -> dict[str, Any]:
    """What a call can name that there is, and the header of an app that may do everything."""
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (10**9, 60))
    # A stream ends at once, and leaves the test's connection open.
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0)
    monkeypatch.setattr(live, "close_old_connections", lambda: None)
    project = save(alice, penora).project
    prepared = content.prepare_text("Said later.", "auto")
    workspace.update_project(user=alice, app=penora, project_code=project.code, prepared=prepared, changes={})
    return {
        "Authorization": f"Bearer {penora_key}",
        "user_id": "alice",
        "app_name": "penora",
        "app_source": "penora",
        "package_id": "starter",
        "code": project.code,
        "number": str(ProjectVersion.objects.get(project=project).number),
        "hold_id": credits.hold(user=alice, app=penora, amount=1).id,
        "transaction_id": credits.charge(user=alice, app=penora, amount=1).id,
    }


@pytest.fixture(autouse=True)
def _counted(request: pytest.FixtureRequest, record_property: Any) -> Iterator[None]:
    label = request.node.operation_label
    yield
    # The sum is printed after the last test.
    record_property("generated_cases", made[label])
    assert made[label] >= LEAST


def name_what_there_is(case: Case, known: dict[str, Any]) -> None:
    """A valid case is about Alice and what is hers, so that it comes further than to `user_not_found`."""
    case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
    if case.method in {"GET", "DELETE"} and "prices" not in case.path:
        case.query = {**(case.query or {}), "user_id": "alice"}
    if isinstance(case.body, dict) and case.media_type == "application/json":
        case.body = {name: known.get(name, value) for name, value in case.body.items()}


@pytest.mark.django_db
@schema.parametrize()
def test_every_case_is_answered_as_documented(case: Case, product: Session, known: dict[str, Any]) -> None:
    made[case.operation.label] += 1
    if case.media_type == "multipart/form-data" and isinstance(case.body, dict) and [] in case.body.values():
        return  # An empty list is no part of a form: what is wrong with it is not sent.
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        name_what_there_is(case, known)
    with transaction.atomic():
        case.call_and_validate("http://testserver", product, {"Authorization": known["Authorization"]})
        transaction.set_rollback(True)
