"""The style guide, and what the front end weighs."""

from pathlib import Path

import brotli
import pytest
from django.conf import settings
from django.test import Client

ROOT = Path(settings.BASE_DIR)
# ui.md: the whole front end under 60 kB compressed. The admin's own sheet is not sent to people.
BUDGET_BYTES = 60_000
COMPRESSED_ALREADY = {".woff2"}
NOT_SENT = {"LICENSE", "README.md", "admin.css"}


def weight(path: Path) -> int:
    data = path.read_bytes()
    return len(data) if path.suffix in COMPRESSED_ALREADY else len(brotli.compress(data))


def test_the_whole_front_end_stays_within_its_budget() -> None:
    sent = {path for path in (ROOT / "static").rglob("*") if path.is_file() and path.name not in NOT_SENT}
    weights = {str(path.relative_to(ROOT)): weight(path) for path in sent}
    assert {path.suffix for path in sent} == {".css", ".js", ".svg", ".woff2"}
    assert sum(weights.values()) <= BUDGET_BYTES, weights


@pytest.mark.django_db
def test_is_there_for_those_who_build_it_only(client: Client, settings) -> None:
    assert client.get("/styleguide/").status_code == 404
    settings.DEBUG = True
    page = client.get("/styleguide/").content.decode()
    assert "--accent-soft" in page
    assert "icons.svg#passkey" in page
    assert " style=" not in page
