"""Every guide is run from top to bottom against a live server; what it shows as output is what comes out."""

import contextlib
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINTED_URL = "http://127.0.0.1:8000"
GUIDES = ("docs/imagegene-integration.md", "docs/penora-api.md", "README.md", "docs/sign-in.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Block:
    """A fenced block; `expected` is the text block that follows it directly, with … for what differs each time."""

    language: str
    code: str
    line: int
    expected: str | None


def blocks_of(guide: str) -> list[Block]:
    text = (ROOT / guide).read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    found = []
    for fence, following in zip(fences, [*fences[1:], None], strict=True):
        adjacent = (
            following is not None and following[1] == "text" and not text[fence.end() : following.start()].strip()
        )
        expected = following[2] if adjacent and following is not None else None
        found.append(Block(fence[1], fence[2], text.count("\n", 0, fence.start()) + 1, expected))
    return [block for block in found if block.language in {"python", "bash"}]


@pytest.fixture
def environment(live_server: Any, imagegene_key: str, penora_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIFIED_URL", live_server.url)
    monkeypatch.setenv("UNIFIED_KEY", imagegene_key)
    monkeypatch.setenv("IMAGEGENE_KEY", imagegene_key)
    monkeypatch.setenv("PENORA_KEY", penora_key)


def run_python(block: Block, guide: str, names: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = block.code.replace(PRINTED_URL, os.environ["UNIFIED_URL"])
        exec(compile("\n" * block.line + code, guide, "exec"), names)  # noqa: S102 - the point of the test
    return out.getvalue()


def run_bash(block: Block, variables: Path) -> str:
    """Blocks share their variables, as the lines of one terminal do."""
    code = block.code.replace(PRINTED_URL, os.environ["UNIFIED_URL"])
    script = f"set -aeuo pipefail\n[ ! -f {variables} ] || . {variables}\n{code}\nset +u; export -p > {variables}\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, f"line {block.line}: {done.stdout}{done.stderr}"
    return done.stdout


def matches(expected: str, actual: str) -> bool:
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, actual.strip(), re.DOTALL) is not None


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_works_as_printed(guide: str, environment: None, tmp_path: Path) -> None:
    blocks = [block for block in blocks_of(guide) if not block.code.startswith(("make ", "pip install "))]
    assert len(blocks) >= 3
    if any(block.language == "bash" for block in blocks) and not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("the guide's commands need bash and curl")
    names: dict[str, Any] = {"__name__": "guide"}
    run: dict[str, Callable[[Block], str]] = {
        "python": lambda block: run_python(block, guide, names),
        "bash": lambda block: run_bash(block, tmp_path / "variables"),
    }
    differing = []
    for block in blocks:
        actual = run[block.language](block)
        if block.expected is not None and not matches(block.expected, actual):
            differing.append(f"line {block.line} shows something else:\n{actual}")
    assert not differing, "\n".join(differing)


def test_penoras_guide_has_every_documented_endpoint() -> None:
    from unified.reference import document

    text = (ROOT / "docs/penora-api.md").read_text(encoding="utf-8")
    for path in document()["paths"]:
        if "/events" not in path:
            shown = re.sub(r"\{\w+\}", "<…>", path.removeprefix("/api/unified/"))
            assert f"`{shown}`" in text, f"{shown} is missing"


def test_links_between_the_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))]
    assert len(links) > 3
    broken = [(page.name, link) for page, link in links if not (page.parent / link).exists()]
    assert [item for item in broken if item[1] != "docs/img/home.png"] == []
    assert os.environ["DATA_DIR"] not in "".join(page.read_text("utf-8") for page in pages)
