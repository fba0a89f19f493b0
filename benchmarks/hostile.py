"""What hostile files cost the running product: pictures to be saved, documents to be estimated, one after the other."""

import http.client
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks import people
from benchmarks.server import Server, serving
from workspace.tests import hostile_papers, hostile_pictures

Files = Mapping[str, Callable[[], bytes]]
REFUSED = (400, 413, 415)
PICTURE = {"app_source": people.APP, "project_type": "image", "title": "Hostile"}


def measure(quick: bool) -> dict[str, Any]:
    """CPU seconds of each file, and the most memory the server held, begun anew for each kind."""
    kinds: dict[str, tuple[str, Files, dict[str, str]]] = {
        "pictures": ("save-project", hostile_pictures.HOSTILE, PICTURE),
        "documents": ("estimate", hostile_papers.HOSTILE, {}),
    }
    with serving():
        pass  # The first start fills an empty installation, and holds more for it than a server that waits.
    return {"kinds": {name: _kind(path, files, fields) for name, (path, files, fields) in kinds.items()}}


def _kind(path: str, files: Files, fields: dict[str, str]) -> dict[str, Any]:
    with serving() as server:
        user = people.rich(secrets.token_hex(4))
        idle = _held(server, "VmRSS")
        seconds = {
            name: _cost(server, path, make(), {"user_id": user.user_id, **fields}) for name, make in files.items()
        }
        return {"idle_bytes": idle, "peak_bytes": _held(server, "VmHWM"), "seconds": seconds}


def _cost(server: Server, path: str, data: bytes, fields: dict[str, str]) -> float:
    """CPU seconds of one refusal; anything but a refusal is an error."""
    before = server.cpu()
    status, problem = _upload(server.port, path, data, fields)
    if status not in REFUSED:
        raise RuntimeError(f"{path} answered {status}: {problem}")
    return round(server.cpu() - before, 4)


def _upload(port: int, path: str, data: bytes, fields: dict[str, str]) -> tuple[int, Any]:
    edge = secrets.token_hex(8)
    head = f"--{edge}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append(f'{head}"file"; filename="a"\r\nContent-Type: application/octet-stream\r\n\r\n')
    body = "\r\n".join(parts).encode() + data + f"\r\n--{edge}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}", "Authorization": f"Bearer {people.key()}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", f"/api/unified/{path}", body, kind)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def _held(server: Server, what: str) -> int:
    """Bytes of memory of the largest of the server's processes, as Linux counts them; 0 elsewhere."""
    parent = psutil.Process(server.pid)
    files = [Path(f"/proc/{process.pid}/status") for process in [parent, *parent.children(recursive=True)]]
    lines = [file.read_text().partition(f"{what}:")[2].split() for file in files if file.exists()]
    return max((int(line[0]) * 1_024 for line in lines if line), default=0)
