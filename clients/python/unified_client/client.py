"""One method per endpoint. Writes carry an Idempotency-Key that stays the same across their retries."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from unified_client.answers import (
    Charge,
    Compression,
    Estimate,
    Hold,
    Project,
    ProjectType,
    Receipt,
    SavedProject,
    Transaction,
    UserInfo,
)
from unified_client.transport import USER_AGENT, Json, Request, Retry, Transport

API = "/api/unified/"


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


class Client:
    """Calls Unified for one client app.

    `api_key` decides the app. `timeout` is seconds per attempt. Every method raises `UnifiedError` or a subclass when
    the call did not succeed. Writes take `idempotency_key`; left out, a fresh one is made for the call. Thread-safe.
    """

    def __init__(self, base_url: str, api_key: str, timeout: float = 30, *, retry: Retry | None = None) -> None:
        self._transport = Transport(base_url, timeout, retry or Retry())
        self._api_key = api_key

    # Users

    def create_user(self, user_id: str, username: str, email: str, *, idempotency_key: str | None = None) -> UserInfo:
        """Make the user with 60 credits, or update name and email of one that exists (nothing granted again)."""
        body = {"user_id": user_id, "username": username, "email": email}
        return cast(UserInfo, self._write("POST", "create-user", body, idempotency_key))

    def user_info(self, user_id: str) -> UserInfo:
        """Credits (`credits` is what can be spent now) and storage of a user."""
        return cast(UserInfo, self._read("user-info", {"user_id": user_id}))

    # Credits

    def deduct_credits(
        self,
        user_id: str,
        amount: int | None = None,
        *,
        app_name: str,
        operation: str | None = None,
        quantity: int | None = None,
        description: str | None = None,
        project_code: str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Charge `amount` credits, or `quantity` units of `operation` at the price book's price."""
        body = _given(
            user_id=user_id,
            amount=amount,
            operation=operation,
            quantity=quantity,
            app_name=app_name,
            description=description,
            project_code=project_code,
        )
        return cast(Receipt, self._write("POST", "deduct-credits", body, idempotency_key))

    def give_bonus_credits(
        self,
        amount: int,
        reason: str,
        *,
        user_id: str | None = None,
        user_ids: Sequence[str] | None = None,
        all_users: bool = False,
        expires_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Grant `amount` credits to one, many (at most 1,000) or all users; needs the scope `credits:grant`."""
        ids = None if user_ids is None else list(user_ids)
        body = _given(user_id=user_id, user_ids=ids, all_users=all_users or None)
        body |= _given(amount=amount, reason=reason, expires_at=expires_at)
        return self._write("POST", "give-bonus-credits", body, idempotency_key)

    def transactions(self, user_id: str, **filters: str | int) -> Iterator[Transaction]:
        """Every entry, newest first, over all pages. Filters: app_name, transaction_type, project_code, created_…"""
        for page in self._pages("transactions", {"user_id": user_id, **filters}):
            yield from cast(list[Transaction], page["results"])

    def prices(self) -> Json:
        """The price book."""
        return self._read("prices", {})

    def estimate(
        self,
        user_id: str,
        operation: str | None = None,
        quantity: int | None = None,
        *,
        file: bytes | None = None,
        filename: str = "file",
    ) -> Estimate:
        """What something would cost and whether the user can pay it; with `file`, its pages are counted."""
        fields = _given(user_id=user_id, operation=operation, quantity=quantity)
        if file is None:
            return cast(Estimate, self._send("POST", "estimate", fields))
        return cast(Estimate, self._upload("estimate", fields, file, filename))

    def hold(
        self,
        user_id: str,
        amount: int | None = None,
        *,
        app_name: str,
        operation: str | None = None,
        quantity: int | None = None,
        storage_bytes: int | None = None,
        ttl_seconds: int | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Hold:
        """Reserve credits, and `storage_bytes` of the workspace when given, for `ttl_seconds` (900 when left out)."""
        body = _given(user_id=user_id, amount=amount, operation=operation, quantity=quantity, app_name=app_name)
        body |= _given(storage_bytes=storage_bytes, ttl_seconds=ttl_seconds, description=description)
        return cast(Hold, self._write("POST", "holds", body, idempotency_key))

    def capture(
        self,
        hold_id: str,
        user_id: str,
        amount: int | None = None,
        *,
        final: bool | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Take credits from a hold: all of them, or `amount`; `final` gives the rest back to the user."""
        body = _given(user_id=user_id, amount=amount, final=final, description=description)
        return self._write("POST", f"hold/{quote(hold_id, safe='')}/capture", body, idempotency_key)

    def release(self, hold_id: str, user_id: str, *, idempotency_key: str | None = None) -> Json:
        """Give a hold's credits and bytes back; nothing is charged."""
        return self._write("POST", f"hold/{quote(hold_id, safe='')}/release", {"user_id": user_id}, idempotency_key)

    # Workspace

    def save_project(
        self,
        user_id: str,
        *,
        app_source: str,
        project_type: ProjectType,
        title: str,
        content: str | bytes,
        metadata: Mapping[str, Any] | None = None,
        project_code: str | None = None,
        compression: Compression | None = None,
        fit: bool | None = None,
        charge: Charge | None = None,
        hold_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> SavedProject:
        """Save a project, new or (with `project_code`) over an old one.

        `content` is text, a data URL, or a picture's bytes. With `charge` or `hold_id` the project and the credits
        commit together or not at all: pay on delivery. Raises WorkspaceFull or InsufficientCredits, nothing written.
        """
        body = _given(
            user_id=user_id,
            app_source=app_source,
            project_type=project_type,
            title=title,
            content=_as_text(content, project_type),
            metadata=None if metadata is None else dict(metadata),
            project_code=project_code,
            compression=compression,
            fit=fit,
            charge=charge,
            hold_id=hold_id,
        )
        return cast(SavedProject, self._write("POST", "save-project", body, idempotency_key))

    def projects(self, user_id: str, **filters: str | int | bool) -> Iterator[Project]:
        """Every project of every app, over all pages. Filters: app_source, project_type, tag, q, ordering, …"""
        for page in self._pages("projects", {"user_id": user_id, **filters}):
            yield from cast(list[Project], page["all_projects"])

    def project(self, user_id: str, project_code: str) -> Project:
        """One project with its `content`: text as text, a picture as a data URL."""
        return cast(Project, self._read(_project_path(project_code), {"user_id": user_id}))

    def update_project(
        self,
        user_id: str,
        project_code: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        favourite: bool | None = None,
        content: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Project:
        """Change what is given. `if_match` (an ETag) refuses with 412 when somebody else changed it first."""
        body = _given(user_id=user_id, title=title, favourite=favourite, content=content)
        body |= _given(metadata=None if metadata is None else dict(metadata), tags=None if tags is None else list(tags))
        headers = _given(**{"Idempotency-Key": idempotency_key or str(uuid.uuid4()), "If-Match": if_match})
        # A conditional update that succeeded and lost its answer would be refused the second time.
        answer = self._send("PATCH", _project_path(project_code), body, headers, repeatable=if_match is None)
        return cast(Project, answer)

    def delete_project(self, user_id: str, project_code: str, *, idempotency_key: str | None = None) -> Json:
        """Move a project to the trash."""
        path = f"{_project_path(project_code)}?{urlencode({'user_id': user_id})}"
        return self._write("DELETE", path, None, idempotency_key)

    def storage_stats(self, user_id: str) -> Json:
        """What fills the workspace, in MB and exact bytes."""
        return self._read("storage-stats", {"user_id": user_id})

    # The wire

    def _read(self, path: str, query: Mapping[str, Any]) -> Json:
        return self._send("GET", f"{path}?{_query(query)}" if query else path, None)

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


def _project_path(project_code: str) -> str:
    return f"project/{quote(project_code, safe='')}"


def _query(fields: Mapping[str, Any]) -> str:
    return urlencode({name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()})


def _as_text(content: str | bytes, project_type: str) -> str:
    if isinstance(content, str):
        return content
    return content.decode() if project_type == "text" else base64.b64encode(content).decode("ascii")


def _part(boundary: str, disposition: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
