"""The workspace of one person: its quota, its projects, and their bytes."""

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApp, User
from workspace import search, search_index

# Upper-case letters and digits without 0 O 1 I L, which people misread: 31^6 = 887 million codes.
CODE_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


# Where the pages begin to warn as well.
DEFAULT_FULL_MARK = 80


def new_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(6))


def default_limit() -> int:
    limit: int = settings.WORKSPACE_LIMIT_BYTES
    return limit


class Workspace(models.Model):
    """One person's quota. `used_bytes` is the sum of their projects' counted sizes, trash included.

    `excess_bytes` is how far it is over full since staff lowered the limit: it may only shrink. `entry_count` is the
    number of the last entry in the byte statement. The last four are what its owner chose; `full_mark` is at how many
    percent they are told that it fills up, 0 for never."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="+")
    used_bytes = models.PositiveBigIntegerField(default=0)
    limit_bytes = models.PositiveBigIntegerField(default=default_limit)
    excess_bytes = models.PositiveBigIntegerField(default=0)
    entry_count = models.PositiveBigIntegerField(default=0)
    make_room_from_trash = models.BooleanField(default=False)
    fit = models.BooleanField(default=False)
    max_edge = models.PositiveIntegerField(null=True, blank=True)
    full_mark = models.PositiveSmallIntegerField(default=DEFAULT_FULL_MARK)

    # Not stored: what was purged from the trash in this transaction to make room, bytes by code.
    made_room: dict[str, int]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used_bytes__gte=0)
                & (
                    Q(excess_bytes=0, used_bytes__lte=F("limit_bytes"))
                    | Q(excess_bytes__gt=0, used_bytes=F("limit_bytes") + F("excess_bytes"))
                ),
                name="workspace_used_within_limit",
            )
        ]

    def __str__(self) -> str:
        return f"{self.used_bytes} of {self.limit_bytes} bytes"

    @property
    def available_bytes(self) -> int:
        """Bytes below the limit; none in a workspace that is over full."""
        return max(0, self.limit_bytes - self.used_bytes)


class IssuedCode(models.Model):
    """A project code that was given out once and never will be again, whatever became of its project."""

    code = models.CharField(primary_key=True, max_length=6)

    def __str__(self) -> str:
        return self.code


class ImportedRowQuerySet(models.QuerySet["ImportedRow"]):
    """Imported rows by whom they were about."""

    def about(self, user_id: str) -> Self:
        return self.filter(Q(name=f"user {user_id}") | Q(name__startswith="project ", name__endswith=f" of {user_id}"))


class ImportedRow(models.Model):
    """A row of the earlier system that was taken over, so that importing the file again takes it over once."""

    name = models.CharField(max_length=400, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ImportedRowQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


# The best matches are sought among so many of the newest, so that a search never has to weigh every work there is.
MOST_RANKED = 200


class ProjectQuerySet(models.QuerySet["Project"]):
    """Projects as phrases: owned by someone, live or trashed, from an app."""

    def owned_by(self, user: User) -> Self:
        return self.filter(user=user)

    def live(self) -> Self:
        return self.filter(trashed_at__isnull=True)

    def trashed(self) -> Self:
        return self.filter(trashed_at__isnull=False)

    def named(self, codes: Iterable[str]) -> Self:
        """Those with one of these codes; what cannot be a code names none (PostgreSQL refuses a NUL)."""
        return self.filter(code__in=[code for code in codes if set(code) <= set(CODE_ALPHABET)])

    def from_app(self, slug: str) -> Self:
        return self.filter(app__slug=slug)

    def matching(self, words: str, owner: User) -> Self:
        """Those of `owner`'s with every one of `words` in title, tags, metadata or text (`search.parse` says how)."""
        return search_index.matching(self, search.parse(words), owner.pk) if words.strip() else self

    def newest(self, most: int) -> Self:
        """The last `most` that were made."""
        return self.filter(pk__in=self.order_by("-created_at", "-pk").values("pk")[:most])

    def ranked(self, words: str) -> Self:
        """With their `relevance`: how many of `words` are in what describes them, rather than in their text alone."""
        return self.annotate(relevance=search_index.relevance(search.parse(words)))

    def tagged(self, tag: str, owner: User) -> Self:
        """Those of `owner`'s with this very tag."""
        return search_index.tagged(self, tag, owner.pk)

    def counts(self) -> dict[int, int]:
        """How many projects there are of each app, by its key: for that, `project_live` alone is read, and no row."""
        rows = self.order_by().values_list("app_id").annotate(count=models.Count("*"))
        return dict(rows)


class ProjectType(models.TextChoices):
    TEXT = "text"
    IMAGE = "image"
    AI_ART = "ai_art"


class Content(models.Model):
    """Bytes that one person keeps once, however many of their projects show them; apart, so that lists never load them.

    `size_bytes` is what they count, once: see `services.sharing`. `identity` tells what was sent and asked of it.
    `lent` says that no project shows them any more, only earlier versions: these count nothing and lie in free room.
    With a `name` the bytes are an object in the storage, and `data` is empty: see `blobs`."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    identity = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    data = models.BinaryField()
    name = models.CharField(max_length=120, blank=True)
    thumbnail = models.BinaryField(null=True, blank=True)
    thumbnail_type = models.CharField(max_length=60, blank=True)
    lent = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user"], condition=Q(lent=True), name="content_lent")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "identity"], name="content_kept_once"),
            models.UniqueConstraint(fields=["name"], condition=~Q(name=""), name="one_content_per_object"),
        ]

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes"


class LooseObject(models.Model):
    """An object in the storage that no content shows: on its way in or, `doomed`, on its way out."""

    name = models.CharField(max_length=120, unique=True)
    doomed = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    def __str__(self) -> str:
        return self.name


LIVE, TRASHED = Q(trashed_at__isnull=True), Q(trashed_at__isnull=False)


def etag_of(code: str, version: int) -> str:
    """The ETag of a project as it was in this version."""
    return f'"{code}-{version}"'


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
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="projects")
    file_size_bytes = models.PositiveBigIntegerField()
    original_size_bytes = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=60)
    content_hash = models.CharField(max_length=64)
    encoding = models.CharField(max_length=4, blank=True)
    encoder = models.JSONField(default=dict)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    excerpt = models.CharField(max_length=400, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    trashed_at = models.DateTimeField(null=True, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at", "-id"], condition=LIVE, name="project_by_created"),
            models.Index(fields=["user", "-file_size_bytes", "-id"], name="project_by_size"),
            models.Index(fields=["user", "title", "id"], condition=LIVE, name="project_by_title"),
            models.Index(fields=["user", "updated_at", "id"], condition=LIVE, name="project_by_change"),
            # What a list filters and counts by, so that counting reads no row.
            models.Index(
                fields=["user", "app", "-created_at", "-id", "project_type", "favourite"],
                condition=LIVE,
                name="project_live",
            ),
            models.Index(fields=["user", "-created_at", "-id"], condition=TRASHED, name="project_in_trash"),
            models.Index(fields=["user", "app"], condition=TRASHED, name="project_trash_by_app"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    @property
    def is_text(self) -> bool:
        return self.project_type == ProjectType.TEXT

    @property
    def etag(self) -> str:
        """A strong validator: it changes with every update."""
        return etag_of(self.code, self.version)

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
        content_id: int


class ProjectVersion(models.Model):
    """What a project showed before it showed something else; `number` is the last of its versions that did."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="versions", db_index=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="versions")
    project_type = models.CharField(max_length=8, choices=ProjectType.choices)
    original_size_bytes = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=60)
    content_hash = models.CharField(max_length=64)
    encoding = models.CharField(max_length=4, blank=True)
    encoder = models.JSONField(default=dict)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    excerpt = models.CharField(max_length=400, blank=True)
    saved_at = models.DateTimeField()
    replaced_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "number"], name="one_row_per_version")]
        indexes: ClassVar = [models.Index(fields=["user", "-replaced_at", "-id"], name="version_by_age")]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def is_text(self) -> bool:
        return self.project_type == ProjectType.TEXT

    if TYPE_CHECKING:
        content_id: int
        project_id: int


class SearchEntry(models.Model):
    """The words a project is found by, as `search` cuts them; the database's full-text index follows `terms`.

    `terms` are all distinct words, each with its owner's number before it, so that a search only ever meets its own;
    `about` is the title, prompt, tags and metadata in words, `body` the text. `place` is the project's number in the
    index: its app's, then its own, so that what is found is counted by app without reading a project."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="found_by")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    place = models.BigIntegerField()
    terms = models.TextField()
    about = models.TextField()
    body = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"words of {self.project_id}"

    if TYPE_CHECKING:
        project_id: int


class Cause(models.TextChoices):
    """Why the used bytes changed, or why they did not: a move into the trash or back changes nothing, and says so."""

    OPENING = "opening", _("Here before the statement began")
    SAVED = "saved", _("Saved")
    IMPORTED = "imported", _("Imported")
    UPDATED = "updated", _("Changed")
    COMPRESSED = "compressed", _("Compressed")
    TRASHED = "trashed", _("Moved to the trash")
    RESTORED = "restored", _("Restored")
    PURGED = "purged", _("Deleted for good")
    EXPIRED = "expired", _("Deleted after 30 days in the trash")
    MADE_ROOM = "made_room", _("Deleted from the trash to make room")


ADDING = (Cause.OPENING, Cause.SAVED, Cause.IMPORTED)
NEUTRAL = (Cause.TRASHED, Cause.RESTORED)
FREEING = (Cause.COMPRESSED, Cause.PURGED, Cause.EXPIRED, Cause.MADE_ROOM)


class StorageEntryQuerySet(models.QuerySet["StorageEntry"]):
    """Entries of the byte statement as their owner may read them."""

    def owned_by(self, user: User) -> Self:
        return self.filter(workspace_id=user.pk)


class StorageEntry(models.Model):
    """One change of one workspace's used bytes, never changed afterwards; `app` made the project it is about."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveBigIntegerField()
    cause = models.CharField(max_length=16, choices=Cause.choices)
    app = models.ForeignKey(ClientApp, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    project_code = models.CharField(max_length=6, blank=True)
    title = models.CharField(max_length=200, blank=True)
    delta_bytes = models.BigIntegerField()
    used_after_bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = StorageEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "storage entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "number"], name="one_storage_entry_per_number"),
            models.CheckConstraint(condition=Q(used_after_bytes__gte=0), name="storage_entry_used_not_negative"),
            models.CheckConstraint(
                condition=Q(cause__in=ADDING, delta_bytes__gte=0)
                | Q(cause__in=FREEING, delta_bytes__lte=0)
                | Q(cause__in=NEUTRAL, delta_bytes=0)
                | Q(cause=Cause.UPDATED),
                name="storage_entry_sign_fits_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.delta_bytes:+}"

    if TYPE_CHECKING:
        app_id: int | None
        workspace_id: int
