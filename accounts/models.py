"""Who is calling: people, client apps with their keys, the connections between them, and the outbox of facts."""

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MaxValueValidator, MinLengthValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

USER_ID_PATTERN = r"^[A-Za-z0-9._@:-]{1,128}\Z"
SCOPES = (
    "users:write",
    "credits:read",
    "credits:charge",
    "credits:grant",
    "credits:refund",
    "workspace:read",
    "workspace:write",
    "events:read",
)
# Contract, section 2: what can mint or give back credits is asked for by name.
DEFAULT_SCOPES = tuple(scope for scope in SCOPES if scope not in {"credits:grant", "credits:refund"})


def new_user_id() -> str:
    """The external id of a person who signed up here rather than through an app."""
    return f"u_{secrets.token_hex(8)}"


class UserManager(BaseUserManager["User"]):
    """Makes people; email is compared in lower case everywhere."""

    def create_user(self, email: str, username: str = "", password: str | None = None, **extra: Any) -> "User":
        user = self.model(email=email.lower(), username=username or email.split("@")[0], **extra)
        user.set_password(password) if password else user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, username: str = "", password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, username, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `user_id` is the name every app knows them by; `id` never leaves the server."""

    user_id = models.CharField(
        max_length=128, unique=True, default=new_user_id, validators=[RegexValidator(USER_ID_PATTERN)]
    )
    username = models.CharField("name", max_length=150)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["username"]

    def __str__(self) -> str:
        return f"{self.username} ({self.user_id})"

    def clean(self) -> None:
        self.email = self.email.lower()

    def get_full_name(self) -> str:
        return self.username

    def get_short_name(self) -> str:
        return self.username.split(" ")[0]


class ClientApp(models.Model):
    """One of the family of apps. First-party apps connect to a person on their first call."""

    slug = models.CharField(max_length=40, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_]{1,39}\Z")])
    name = models.CharField(max_length=80)
    hue = models.PositiveSmallIntegerField(default=220, validators=[MaxValueValidator(359)])
    first_party = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by whether they still open the door."""

    def live(self, at: datetime | None = None) -> Self:
        at = at or timezone.now()
        alive = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
        return self.filter(alive, revoked_at__isnull=True, app__is_active=True)


class ApiKey(models.Model):
    """A hashed, scoped key of one app: `unk_<lookup>_<secret>`, of which only the lookup is kept readable."""

    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="keys")
    lookup = models.CharField(max_length=8, unique=True, validators=[MinLengthValidator(8)])
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    label = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"unk_{self.lookup}_…"


class Connection(models.Model):
    """That an app may act for a person, and what that person set for it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="connections")
    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    daily_cap = models.PositiveIntegerField("daily cap (credits)", null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "app"], name="one_connection_per_app")]

    def __str__(self) -> str:
        return f"{self.app} for {self.user}"


class EventQuerySet(models.QuerySet["Event"]):
    """Events by who may see them."""

    def owned_by(self, user: User) -> Self:
        return self.filter(user=user)

    def shown_to(self, app: ClientApp) -> Self:
        """Those of the people who are connected to `app` at the moment of reading."""
        connected = Connection.objects.filter(app=app, disconnected_at__isnull=True, user__is_active=True)
        return self.filter(user__in=connected.values("user"))


class Event(models.Model):
    """A fact that a write left behind, appended in that write's own transaction; kept 30 days.

    `id` is in order per person only, since another's transaction may end later; readers follow `position`."""

    id = models.BigAutoField(primary_key=True)
    position = models.BigIntegerField(null=True, unique=True, editable=False)
    type = models.CharField(max_length=40)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes: ClassVar = [
            models.Index(fields=["user", "position"], name="event_by_user"),
            models.Index(fields=["id"], name="event_without_position", condition=Q(position__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.type}"


class Feed(models.Model):
    """The one row that hands out positions: whoever holds its lock is the only one numbering events."""

    last_position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"up to {self.last_position}"


class IdempotencyRecord(models.Model):
    """What an app's key answered the first time; written in the same transaction as the effect."""

    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=80, default="")
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["app", "endpoint", "key"], name="one_answer_per_idempotency_key")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.key}"

    if TYPE_CHECKING:
        app_id: int
