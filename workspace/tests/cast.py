"""What workspace tests arrange and ask again and again: texts, pictures, saves, and whether the bytes add up."""

import base64
import io
import random
from typing import Any

from django.db.models import Sum
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import ClientApp, Event, User
from workspace import content, services
from workspace.content import Prepared
from workspace.models import Project, StorageEntry, Workspace
from workspace.services.projects import Saved

BASE = "/api/unified"
LIMIT = 1_048_576


def text_of(size: int) -> Prepared:
    """Text that takes exactly `size` bytes of the quota."""
    return content.prepare_text("x" * size, "none")


def save(user: User, app: ClientApp, size: int = 100, *, prepared: Prepared | None = None, **terms: Any) -> Saved:
    """A saved text of `size` bytes, or whatever was prepared."""
    fields = {"project_type": "text", "title": "A page", "prepared": prepared or text_of(size), **terms}
    return services.save_project(user=user, app=app, **fields)


def fill(user: User, app: ClientApp, *, leaving: int) -> list[Project]:
    """Two large projects and, when needed, a third, after which `leaving` bytes are free."""
    left = LIMIT - leaving
    made = []
    while left:
        size = min(left, 500_000)
        made.append(save(user, app, size).project)
        left -= size
    return made


def picture(width: int = 64, height: int = 48, kind: str = "PNG") -> bytes:
    """A small painted picture as a file."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def noise(width: int, height: int) -> bytes:
    """A picture that no encoder makes much smaller."""
    image = Image.frombytes("RGB", (width, height), random.Random(7).randbytes(width * height * 3))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def used(user: User) -> int:
    return Workspace.objects.get(pk=user.pk).used_bytes


def adds_up(user: User) -> bool:
    """Whether what the workspace says is used is what its projects count, and what its statement says."""
    total = Project.objects.owned_by(user).aggregate(total=Sum("file_size_bytes"))["total"] or 0
    entries = StorageEntry.objects.owned_by(user)
    moved = entries.aggregate(total=Sum("delta_bytes"))["total"] or 0
    last = entries.order_by("number").last()
    return used(user) == total == moved == (last.used_after_bytes if last else 0)


def events_of(user: User) -> list[str]:
    return list(Event.objects.filter(user=user).order_by("pk").values_list("type", flat=True))


def body_of(**fields: Any) -> dict[str, Any]:
    """A save-project body from Penora for Alice; None leaves a field out."""
    standard = {
        "user_id": "alice",
        "app_source": "penora",
        "project_type": "text",
        "title": "A page",
        "content": "Once upon a time",
    }
    return {name: value for name, value in {**standard, **fields}.items() if value is not None}


def saved(api: APIClient, **fields: Any) -> dict[str, Any]:
    """A project saved over HTTP."""
    answer = api.post(f"{BASE}/save-project", body_of(**fields), format="json")
    assert answer.status_code in (200, 201), answer.content
    return answer.json()
