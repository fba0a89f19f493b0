"""How a call becomes a request: the key, the Idempotency-Key, JSON or a multipart body, and pages one after another."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from unified_client.transport import USER_AGENT, Json, Request, Retry, Transport

API = "/api/unified/"


class Wire:
    """One server and one app's key."""

    def __init__(self, base_url: str, api_key: str, timeout: float = 30, *, retry: Retry | None = None) -> None:
        self._transport = Transport(base_url, timeout, retry or Retry())
        self._api_key = api_key

    def _read(self, path: str, query: Mapping[str, Any]) -> Json:
        return self._send("GET", f"{path}?{_query(query)}" if query else path, None)

    def _fetch(self, path: str, query: Mapping[str, Any]) -> bytes:
        headers = self._headers() | {"Accept": "*/*"}
        return self._transport.fetch(Request("GET", f"{API}{path}?{_query(query)}", headers))

    def _write(self, method: str, path: str, body: Json | None, key: str | None) -> Json:
        return self._send(method, path, body, {"Idempotency-Key": key or str(uuid.uuid4())})

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Json]:
        page = self._read(path, query)
        yield page
        while page.get("next"):
            # Only the query is taken from the server's URL: the key goes to base_url and nowhere else.
            page = self._send("GET", f"{path}?{urlsplit(page['next']).query}", None)
            yield page

    def _send(
        self,
        method: str,
        path: str,
        body: Json | None,
        extra: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
    ) -> Json:
        headers = self._headers() | dict(extra or {})
        payload = None
        if body is not None:
            payload = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        return self._transport.send(Request(method, API + path, headers, payload, repeatable))

    def _upload(self, path: str, fields: Json, file: bytes, filename: str) -> Json:
        boundary = uuid.uuid4().hex
        lines = [_part(boundary, f'name="{name}"') + str(value).encode() + b"\r\n" for name, value in fields.items()]
        lines += [
            _part(boundary, f'name="file"; filename="{quote(filename)}"'),
            file,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
        headers = self._headers() | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._transport.send(Request("POST", API + path, headers, b"".join(lines)))

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._api_key}",
            "Accept": "application/json, application/problem+json",
            "User-Agent": USER_AGENT,
        }


def given(**fields: Any) -> Json:
    """The fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def _query(fields: Mapping[str, Any]) -> str:
    return urlencode({name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()})


def _part(boundary: str, disposition: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
