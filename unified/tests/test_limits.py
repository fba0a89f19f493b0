"""More parts, fields, files, letters or levels than a request may have: a short refusal, and nothing is changed."""

import json

import pytest
from django.test import Client

API = "/api/unified/"
EDGE = "edge"


def form(parts):
    lines = [f"--{EDGE}\r\nContent-Disposition: form-data; {part}\r\n\r\nx\r\n" for part in parts]
    return "".join(lines) + f"--{EDGE}--\r\n"


FORMS = {
    "fields": form(f'name="f{n}"' for n in range(1_001)),
    "files": form(f'name="f{n}"; filename="a"' for n in range(101)),
    "one field of 3 MB": form(['name="' + "f" * 3_000_000 + '"']),
    "no end": f"--{EDGE}\r\n" * 10_000,
}


@pytest.mark.parametrize("path", ["save-project", "estimate"])
@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_a_form_of_too_much_is_refused(alice, penora_api, stored, path, body):
    before = stored()
    answer = penora_api.generic("POST", API + path, body, content_type=f"multipart/form-data; boundary={EDGE}")
    assert answer.status_code in (400, 413)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert len(answer.content) < 200_000
    assert stored() == before


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("path", ["/account/", "/projects/delete", "/accounts/login/"])
def test_a_page_that_is_sent_too_much_changes_nothing(alice, stored, path, body):
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    before = stored()
    answer = client.generic("POST", path, body, content_type=f"multipart/form-data; boundary={EDGE}")
    assert answer.status_code < 500
    assert stored() == before


@pytest.mark.parametrize("depth", [100, 100_000])
def test_a_body_that_nests_too_deep_is_refused(alice, penora_api, stored, depth):
    before = stored()
    for nested in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        body = f'{{"user_id":"alice","app_source":"penora","project_type":"text","title":"T","metadata":{nested}}}'
        answer = penora_api.generic("POST", f"{API}save-project", body, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert len(json.dumps(answer.json())) < 2_000
    assert stored() == before
