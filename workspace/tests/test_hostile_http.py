"""Hostile files sent to the running product: each refused in little time and memory, and nothing of it stored."""

import http.client
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server import gunicorn
from workspace.tests.cast import base64_of, body_of, picture
from workspace.tests.hostile_papers import HOSTILE as DOCUMENTS
from workspace.tests.hostile_pictures import BOMBS, HOSTILE, zip_behind
from workspace.tests.papers import docx

pytestmark = [pytest.mark.serve, pytest.mark.django_db(transaction=True)]
# Beyond what a worker holds before its first call: half of the 200 MB that a hostile file may cost.
MOST_BYTES = 100 * 1_000_000
# A second at rest; a neighbour on the same core halves what a second of a processor does.
MOST_SECONDS = 2.0
TICKS = os.sysconf("SC_CLK_TCK")


class Product:
    """A server of one worker that nobody has called yet, with what it cost so far."""

    def __init__(self, master: int, port: int, key: str) -> None:
        [self._worker] = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        self._port, self._headers = port, {"Authorization": f"Bearer {key}"}
        self._idle_bytes = self._bytes("VmRSS")

    @property
    def peak_bytes(self) -> int:
        """The most memory it ever held, as `getrusage` would tell it itself, beyond what it began with."""
        return self._bytes("VmHWM") - self._idle_bytes

    def _bytes(self, name: str) -> int:
        status = Path(f"/proc/{self._worker}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) * 1_024

    @property
    def seconds(self) -> float:
        """Processor time, which a busy machine does not stretch."""
        user, system = Path(f"/proc/{self._worker}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS

    def post(self, path: str, body: bytes, kind: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("POST", f"/api/unified/{path}", body, {**self._headers, "Content-Type": kind})
            answer = connection.getresponse()
            assert answer.getheader("Content-Type") in ("application/json", "application/problem+json")
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def upload(self, path: str, data: bytes, fields: dict[str, str]) -> tuple[int, Any]:
        edge = secrets.token_hex(8)
        head = f"--{edge}\r\nContent-Disposition: form-data; name="
        parts = [f'{head}"{name}"\r\n\r\n{value}' for name, value in fields.items()]
        parts.append(f'{head}"file"; filename="a.png"\r\nContent-Type: image/png')
        body = "\r\n".join(parts).encode() + b"\r\n\r\n" + data + f"\r\n--{edge}--\r\n".encode()
        return self.post(path, body, f"multipart/form-data; boundary={edge}")

    def save(self, content: str) -> tuple[int, Any]:
        return self.post("save-project", json.dumps({**PICTURE, "content": content}).encode(), "application/json")


SENT = [
    "a docx with a picture of 200 MB",
    "a docx whose list of types unpacks to 100 MB",
    "a docx whose text unpacks to 80 MB of spaces",
    "a zip bomb in a zip",
    "a zip of a million parts that are not there",
    "half a pdf",
    "a pdf that is a million open brackets",
]
PICTURE = body_of(app_source="imagegene", project_type="image", content=None)


@pytest.fixture
def product(imagegene_key: str, alice: Any) -> Any:
    with gunicorn() as (master, port):
        yield Product(master.pid, port, imagegene_key)


def test_hostile_pictures_cost_little_and_leave_nothing(product: Product, stored: Any) -> None:
    assert product.upload("save-project", picture(), PICTURE)[0] == 201
    before, faults = stored(), {}
    for name, make in HOSTILE.items():
        data, begun = make(), product.seconds
        status, problem = product.upload("save-project", data, PICTURE)
        spent = product.seconds - begun
        if status not in (400, 413, 415) or spent > MOST_SECONDS or product.peak_bytes > MOST_BYTES:
            faults[name] = (status, problem.get("code"), spent, product.peak_bytes)
    assert len(HOSTILE) > 50
    assert faults == {}
    assert stored() == before
    assert product.upload("save-project", picture(65), PICTURE)[0] == 201


def test_hostile_pictures_in_json_cost_little_and_leave_nothing(product: Product, stored: Any) -> None:
    good, faults = base64_of(picture()), {}
    assert product.save(good)[0] == 201
    before = stored()
    sent = {name: base64_of(BOMBS[name]()) for name in BOMBS}
    sent |= {
        "not base64": "not base64!",
        "cut base64": good[:-3],
        "base64 with spaces": good[:40] + " " + good[40:],
        "an address": "https://example.com/picture.png",
        "half a data URL": "data:image/png;base64",
        "svg as a data URL": "data:image/svg+xml;base64," + base64_of(HOSTILE["svg"]()),
        "svg in words": "data:image/svg+xml,<svg onload=alert(1)>",
        "mislabelled html": "data:image/png;base64," + base64_of(HOSTILE["html"]()),
        "nothing": "",
        "22 million letters": "A" * 22_000_000,
    }
    for name, content in sent.items():
        begun = product.seconds
        status, problem = product.save(content)
        spent = product.seconds - begun
        if status not in (400, 413, 415) or spent > MOST_SECONDS or product.peak_bytes > MOST_BYTES:
            faults[name] = (status, problem.get("code"), spent, product.peak_bytes)
    assert faults == {}
    assert stored() == before


def test_hostile_documents_cost_little_and_leave_nothing(product: Product, stored: Any) -> None:
    sent: dict[str, Callable[[], bytes]] = {
        **{name: DOCUMENTS[name] for name in SENT},
        **{name: BOMBS[name] for name in BOMBS if "000" in name},
    }
    assert product.upload("estimate", docx(), {"user_id": "alice"})[0] == 200
    before, faults = stored(), {}
    for name, make in sent.items():
        data, begun = make(), product.seconds
        status, problem = product.upload("estimate", data, {"user_id": "alice"})
        spent = product.seconds - begun
        if status not in (400, 413, 415) or spent > MOST_SECONDS or product.peak_bytes > MOST_BYTES:
            faults[name] = (status, problem.get("code"), spent, product.peak_bytes)
    assert faults == {}
    assert stored() == before


def test_a_polyglot_is_taken_for_its_picture_alone(product: Product) -> None:
    evil = zip_behind(picture()) + HOSTILE["html"]()
    status, made = product.upload("save-project", evil, PICTURE)
    assert status == 201
    assert made["original_size_bytes"] == len(evil)
