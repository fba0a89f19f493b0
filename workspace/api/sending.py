"""What a caller sent, made ready to store by the terms it was sent with, and what the answer says was done to it."""

from dataclasses import dataclass
from typing import Any, Self

from accounts.models import User
from workspace import content
from workspace.content import Compression, Prepared
from workspace.models import Project, Workspace
from workspace.services.storage import room_for


@dataclass(frozen=True, slots=True)
class Sending:
    """Content and its terms; taken out of a request's fields, which keep the rest."""

    content: str | bytes
    compression: Compression
    fit: bool
    max_edge: int | None

    @classmethod
    def taken_from(cls, data: dict[str, Any], user: User) -> Self:
        """What the caller leaves open is as `user` chose."""
        sent = data.pop("file").read() if "file" in data else data.pop("content")
        # A workspace that was never opened is not opened by a save that may yet be refused.
        chosen = Workspace.objects.filter(pk=user.pk).first() or Workspace(user=user)
        fit, max_edge = data.pop("fit", chosen.fit), data.pop("max_edge", chosen.max_edge)
        return cls(sent, data.pop("compression", "auto"), fit, max_edge)

    def prepared(
        self, *, user: User, project_type: str, metadata: dict[str, Any] | None, replaced: Project | None
    ) -> Prepared:
        """The stored form; slow for pictures."""
        known = metadata if metadata is not None else replaced.metadata if replaced else {}
        return content.prepare(
            project_type=project_type,
            content=self.content,
            compression=self.compression,
            max_bytes=room_for(user=user, replacing=replaced) if self.fit else None,
            max_edge=self.max_edge,
            generated=content.says_generated(known),
            user=user,
        )

    def done_to(self, project: Project) -> dict[str, Any]:
        """`fit_applied` for the answer, where the terms allowed that something be done."""
        if not self.fit and self.max_edge is None:
            return {}
        done = {name: project.encoder[name] for name in ("fit", "resized") if name in project.encoder}
        return {"fit_applied": {**done.pop("fit", {}), **done} or None}
