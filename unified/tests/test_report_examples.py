"""The usage examples of the integration report run as printed: only the host and an Authorization header differ."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from rest_framework.test import APIClient

from credits.models import Entry
from workspace.models import Project
from workspace.tests.cast import base64_of, picture, saved

pytestmark = pytest.mark.django_db(transaction=True)
PRINTED = (Path(__file__).parent / "report_examples.md").read_text(encoding="utf-8")
PRINTED_HOST = "https://penora.replit.dev"


def snippets(host: str) -> list[str]:
    """The Python blocks of the report, for `host`."""
    return [block.replace(PRINTED_HOST, host) for block in re.findall(r"```python\n(.*?)```", PRINTED, re.DOTALL)]


@pytest.fixture
def session(imagegene_key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    """What `import requests` finds in the snippets: the real thing, with ImageGene's key on every call."""
    with requests.Session() as made:
        made.headers["Authorization"] = f"Bearer {imagegene_key}"
        monkeypatch.setitem(sys.modules, "requests", made)
        yield made


def run(snippet: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(snippet, "report_examples.md", "exec"), names)  # noqa: S102 - the point of the test
    return names


def drawn(prompt: str, style: str) -> str:
    return base64_of(picture(256, 256))


def test_the_report_prints_three_examples() -> None:
    assert len(snippets(PRINTED_HOST)) == 3
    assert PRINTED.count(PRINTED_HOST) == 5


def test_the_reports_examples_work_as_printed(live_server, session, penora_api: APIClient, capsys) -> None:
    create, generate, show = snippets(live_server.url)
    names: dict[str, Any] = {
        "generate_ai_art": drawn,
        "prompt": "A lighthouse in a storm, oil on canvas",
        "style": "oil",
    }

    run(create, names)
    assert names["response"].status_code == 201
    assert names["response"].json()["credits"] == 60

    run(generate, names)
    assert names["credits"] == 60
    project = Project.objects.get()
    assert project.title == "AI Art - A lighthouse in a storm, oil o"
    assert project.metadata == {"style": "oil", "prompt": "A lighthouse in a storm, oil on canvas"}
    assert (project.app.slug, project.project_type, project.width) == ("imagegene", "ai_art", 256)
    used = Entry.objects.get(transaction_type="used")
    assert (used.amount, used.balance_after, used.description) == (-2, 58, "AI Art Generation")

    saved(penora_api, user_id="user123", title="Chapter one")
    run(show, names)
    assert [item["title"] for item in names["penora_projects"]] == ["Chapter one"]
    assert [item["title"] for item in names["imagegene_projects"]] == [project.title]
    assert capsys.readouterr().out.splitlines() == ["[PENORA] Chapter one", f"[IMAGEGENE] {project.title}"]


def test_the_first_example_may_run_again_and_grants_nothing(live_server, session) -> None:
    create = snippets(live_server.url)[0]
    run(create, {})
    again = run(create, {})["response"]
    assert again.status_code == 200
    assert again.json()["credits"] == 60
    assert sorted(Entry.objects.values_list("transaction_type", "amount")) == [("base", 50), ("bonus", 10)]


def test_without_credits_the_second_example_makes_nothing(live_server, session, penora_api: APIClient) -> None:
    create, generate, _ = snippets(live_server.url)
    run(create, {})
    spent = {"user_id": "user123", "amount": 59, "app_name": "penora", "description": "A novel"}
    assert penora_api.post("/api/unified/deduct-credits", spent, format="json").status_code == 200
    names = run(generate, {"generate_ai_art": drawn, "prompt": "A tree", "style": "ink", "requests": session})
    assert names["credits"] == 1
    assert Project.objects.count() == 0
