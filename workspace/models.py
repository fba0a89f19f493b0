"""The workspace of one person: its quota, its projects, and their bytes."""

import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import StrIndex
from django.utils import timezone

from accounts.models import ClientApp, User

# Upper-case letters and digits without 0 O 1 I L, which people misread: 31^6 = 887 million codes.
CODE_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def new_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(6))


def default_limit() -> int:
    limit: int = settings.WORKSPACE_LIMIT_BYTES
    return limit


class Workspace(models.Model):
    """One person's quota. `used_bytes` is the sum of their projects' counted sizes, trash included."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="+")
    used_bytes = models.PositiveBigIntegerField(default=0)
    limit_bytes = models.PositiveBigIntegerField(default=default_limit)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used_bytes__gte=0, used_bytes__lte=F("limit_bytes")), name="workspace_used_within_limit"
            )
        ]

    def __str__(self) -> str:
        return f"{self.used_bytes} of {self.limit_bytes} bytes"

    @property
    def available_bytes(self) -> int:
        return self.limit_bytes - self.used_bytes


class IssuedCode(models.Model):
    """A project code that was given out once and never will be again, whatever became of its project."""

    code = models.CharField(primary_key=True, max_length=6)

    def __str__(self) -> str:
        return self.code


class ImportedRow(models.Model):
    """A row of the earlier system that was taken over, so that importing the file again takes it over once."""

    name = models.CharField(max_length=400, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class ProjectQuerySet(models.QuerySet["Project"]):
    """Projects as phrases: owned by someone, live or trashed, from an app."""

    def owned_by(self, user: User) -> Self:
        return self.filter(user=user)

    def live(self) -> Self:
        return self.filter(trashed_at__isnull=True)

    def trashed(self) -> Self:
        return self.filter(trashed_at__isnull=False)

    def from_app(self, slug: str) -> Self:
        return self.filter(app__slug=slug)

    def matching(self, words: str) -> Self:
        """Those with every one of `words` in title, text or metadata, whatever the case."""
        found = self
        for word in words.casefold().split():
            found = found.filter(search_text__contains=word)
        return found

    def tagged(self, tag: str) -> Self:
        """Those with this very tag. JSON containment differs between databases, as LIKE does in minding the case."""
        return self.alias(tag_place=StrIndex("tag_index", models.Value(f"\n{tag}\n"))).filter(tag_place__gt=0)

    def counts(self) -> dict[str, int]:
        """How many projects there are of each app, by slug."""
        rows = self.order_by().values("app__slug").annotate(count=models.Count("id"))
        return {row["app__slug"]: row["count"] for row in rows}


class ProjectType(models.TextChoices):
    TEXT = "text"
    IMAGE = "image"
    AI_ART = "ai_art"


class Project(models.Model):
    """A text or picture that an app made for a person. `file_size_bytes` is what it takes from the quota."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    app = models.ForeignKey(ClientApp, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=6, unique=True)
    project_type = models.CharField(max_length=8, choices=ProjectType.choices)
    title = models.CharField(max_length=200)
    metadata = models.JSONField(default=dict)
    tags = models.JSONField(default=list)
    tag_index = models.TextField(blank=True, editable=False)
    favourite = models.BooleanField(default=False)
    file_size_bytes = models.PositiveBigIntegerField()
    original_size_bytes = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=60)
    content_hash = models.CharField(max_length=64)
    encoding = models.CharField(max_length=4, blank=True)
    encoder = models.JSONField(default=dict)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    excerpt = models.CharField(max_length=400, blank=True)
    search_text = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    trashed_at = models.DateTimeField(null=True, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at", "-id"], name="project_by_created"),
            models.Index(fields=["user", "-file_size_bytes"], name="project_by_size"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    @property
    def is_text(self) -> bool:
        return self.project_type == ProjectType.TEXT

    @property
    def etag(self) -> str:
        """A strong validator: it changes with every update."""
        return f'"{self.code}-{self.version}"'

    def facts(self) -> dict[str, Any]:
        """What events say of a project."""
        return {
            "project_code": self.code,
            "app_source": self.app.slug,
            "project_type": self.project_type,
            "title": self.title,
            "file_size_bytes": self.file_size_bytes,
        }

    if TYPE_CHECKING:
        app_id: int
        user_id: int
        stored: "Content"


class Content(models.Model):
    """A project's bytes, apart from its row so that lists never load them."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="stored")
    data = models.BinaryField()
    thumbnail = models.BinaryField(null=True, blank=True)
    thumbnail_type = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return f"bytes of {self.project_id}"

    if TYPE_CHECKING:
        project_id: int
