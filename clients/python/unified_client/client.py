"""One method per endpoint. Writes carry an Idempotency-Key that stays the same across their retries."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

from unified_client.answers import (
    BatchCharge,
    Charge,
    ChargeResult,
    Compression,
    ContentFormat,
    Estimate,
    Hold,
    Project,
    ProjectType,
    Receipt,
    SavedProject,
    Transaction,
    UserInfo,
)
from unified_client.transport import Json
from unified_client.wire import Wire, given


class Client(Wire):
    """Calls Unified for one client app.

    `api_key` decides the app. `timeout` is seconds per attempt. Every method raises `UnifiedError` or a subclass when
    the call did not succeed. Writes take `idempotency_key`; left out, a fresh one is made for the call. Thread-safe.
    """

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
        body = given(
            user_id=user_id,
            amount=amount,
            operation=operation,
            quantity=quantity,
            app_name=app_name,
            description=description,
            project_code=project_code,
        )
        return cast(Receipt, self._write("POST", "deduct-credits", body, idempotency_key))

    def charge_batch(
        self,
        charges: Sequence[BatchCharge],
        *,
        app_name: str,
        atomic: bool = False,
        idempotency_key: str | None = None,
    ) -> list[ChargeResult]:
        """Charge up to 1,000 times at once; one result for each charge, in their order.

        Each charge has a `key` that this app never uses for another: sent again, alone or in any batch, it is not
        charged again but answered as the first time, with `replayed`. A refused charge does not hold up the others; with
        `atomic` it does: then nothing is charged, the first refusal is raised, and `facts["refused"]` names the charges
        at fault."""
        named = [{"app_name": app_name, **charge} for charge in charges]
        answer = self._write("POST", "deduct-credits/batch", {"charges": named, "atomic": atomic}, idempotency_key)
        return cast(list[ChargeResult], answer["results"])

    def give_bonus_credits(
        self,
        amount: int,
        reason: str,
        *,
        user_id: str | None = None,
        user_ids: Sequence[str] | None = None,
        all_users: bool = False,
        expires_at: str | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Grant `amount` credits to one, many (at most 1,000) or all users; needs the scope `credits:grant`.

        A lower `priority` (100 when left out) is spent first."""
        ids = None if user_ids is None else list(user_ids)
        body = given(user_id=user_id, user_ids=ids, all_users=all_users or None)
        body |= given(amount=amount, reason=reason, expires_at=expires_at, priority=priority)
        return self._write("POST", "give-bonus-credits", body, idempotency_key)

    def login_link(self, user_id: str) -> str:
        """A URL that signs the person in on their dashboard, once and within 60 seconds; redirect them there at once."""
        return str(self._write("POST", "login-link", {"user_id": user_id}, None)["url"])

    def transactions(self, user_id: str, **filters: str | int) -> Iterator[Transaction]:
        """Every entry, newest first, over all pages. Filters: app_name, transaction_type, project_code, created_…"""
        for page in self._pages("transactions", {"user_id": user_id, **filters}):
            yield from cast(list[Transaction], page["results"])

    def prices(self) -> Json:
        """The price book."""
        return self._read("prices", {})

    def packages(self) -> Json:
        """The credit packages in `results`, and whether they are `on_sale` here."""
        return self._read("packages", {})

    def checkout(self, user_id: str, package_id: str, *, idempotency_key: str | None = None) -> Json:
        """Open a payment page for a package: send the person's browser to `checkout_url`.

        The credits come when the payment has come, as an event `purchase.completed`."""
        return self._write("POST", "checkout", {"user_id": user_id, "package_id": package_id}, idempotency_key)

    def purchases(self, user_id: str) -> Iterator[Json]:
        """What a person bought, newest first, over all pages."""
        for page in self._pages("purchases", {"user_id": user_id}):
            yield from page["results"]

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
        fields = given(user_id=user_id, operation=operation, quantity=quantity)
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
        body = given(user_id=user_id, amount=amount, operation=operation, quantity=quantity, app_name=app_name)
        body |= given(storage_bytes=storage_bytes, ttl_seconds=ttl_seconds, description=description)
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
        body = given(user_id=user_id, amount=amount, final=final, description=description)
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
        max_edge: int | None = None,
        charge: Charge | None = None,
        hold_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> SavedProject:
        """Save a project, new or (with `project_code`) over an old one.

        `content` is text, a data URL, or a picture's bytes. `fit` lets a picture that does not fit lose quality, then
        size; `max_edge` reduces one with a longer edge, in pixels; `fit_applied` says what was done. With `charge` or `hold_id` the project and the credits
        commit together or not at all: pay on delivery. Raises WorkspaceFull or InsufficientCredits, nothing written.
        """
        body = given(
            user_id=user_id,
            app_source=app_source,
            project_type=project_type,
            title=title,
            content=_as_text(content, project_type),
            metadata=None if metadata is None else dict(metadata),
            project_code=project_code,
            compression=compression,
            fit=fit,
            max_edge=max_edge,
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

    def project_content(self, user_id: str, project_code: str, format: ContentFormat | None = None) -> bytes:
        """A project's bytes: as stored, or written as a picture's `png`, `jpeg`, `webp`, `avif`, a text's `txt`, `md`."""
        query = given(user_id=user_id, format=format)
        return self._fetch(f"{_project_path(project_code)}/content", query)

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
        body = given(user_id=user_id, title=title, favourite=favourite, content=content)
        body |= given(metadata=None if metadata is None else dict(metadata), tags=None if tags is None else list(tags))
        headers = given(**{"Idempotency-Key": idempotency_key or str(uuid.uuid4()), "If-Match": if_match})
        # A conditional update that succeeded and lost its answer would be refused the second time.
        answer = self._send("PATCH", _project_path(project_code), body, headers, repeatable=if_match is None)
        return cast(Project, answer)

    def versions(self, user_id: str, project_code: str) -> Iterator[Json]:
        """What a project showed before, newest first, as far as there was room to keep it."""
        for page in self._pages(f"{_project_path(project_code)}/versions", {"user_id": user_id}):
            yield from page["results"]

    def version(self, user_id: str, project_code: str, version: int) -> Json:
        """One earlier version with its `content`."""
        return self._read(f"{_project_path(project_code)}/versions/{version}", {"user_id": user_id})

    def restore_version(
        self, user_id: str, project_code: str, version: int, *, idempotency_key: str | None = None
    ) -> Project:
        """Let a project show again what it showed as `version`; what it shows now becomes a version itself."""
        path = f"{_project_path(project_code)}/versions/{version}/restore"
        return cast(Project, self._write("POST", path, {"user_id": user_id}, idempotency_key))

    def delete_project(self, user_id: str, project_code: str, *, idempotency_key: str | None = None) -> Json:
        """Move a project to the trash."""
        path = f"{_project_path(project_code)}?{urlencode({'user_id': user_id})}"
        return self._write("DELETE", path, None, idempotency_key)

    def delete_projects(
        self, user_id: str, project_codes: Sequence[str], *, permanent: bool = False, idempotency_key: str | None = None
    ) -> Json:
        """Move up to 100 projects to the trash, or with `permanent` delete them for good and free their bytes.

        `results` has an outcome for every code: `status` 200, or 403 and 404 with a `code` where nothing was done."""
        body = {"user_id": user_id, "project_codes": list(project_codes), "permanent": permanent}
        return self._write("POST", "projects/delete", body, idempotency_key)

    def restore_projects(
        self, user_id: str, project_codes: Sequence[str], *, idempotency_key: str | None = None
    ) -> Json:
        """Take up to 100 projects out of the trash; `results` as of `delete_projects`."""
        body = {"user_id": user_id, "project_codes": list(project_codes)}
        return self._write("POST", "projects/restore", body, idempotency_key)

    def compress_projects(
        self, user_id: str, project_codes: Sequence[str], *, idempotency_key: str | None = None
    ) -> Json:
        """Write up to 100 projects in fewer bytes, each once, free of charge: a picture loses quality, a text nothing.

        `results` as of `delete_projects`; `already_compressed` and `nothing_to_gain` are outcomes, too.
        `undo` is the request that takes one back, where there was room to keep what was there."""
        body = {"user_id": user_id, "project_codes": list(project_codes)}
        return self._write("POST", "projects/compress", body, idempotency_key)

    def cleanup(self, user_id: str, *, required_bytes: int | None = None, limit: int | None = None) -> Json:
        """What would free the most bytes, or make room for `required_bytes`, each with the request that does it.

        Send those of your own app with `delete_projects`; only the person can send all."""
        return self._read("cleanup", given(user_id=user_id, required_bytes=required_bytes, limit=limit))

    def storage_statement(self, user_id: str, **filters: str | int) -> Iterator[Json]:
        """Every change of the used bytes, newest first, over all pages. Filters: cause, app_source, project_code, …"""
        for page in self._pages("storage-statement", {"user_id": user_id, **filters}):
            yield from page["results"]

    def storage_stats(self, user_id: str) -> Json:
        """What fills the workspace, in MB and exact bytes."""
        return self._read("storage-stats", {"user_id": user_id})


def _project_path(project_code: str) -> str:
    return f"project/{quote(project_code, safe='')}"


def _as_text(content: str | bytes, project_type: str) -> str:
    if isinstance(content, str):
        return content
    return content.decode() if project_type == "text" else base64.b64encode(content).decode("ascii")
