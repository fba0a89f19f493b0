"""Who is calling: people, client apps with their keys, the connections between them, and the outbox of facts."""

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MaxValueValidator, MinLengthValidator, RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.chain import ERASED
from accounts.errors import AccountClosed

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
        if ClosedAccount.objects.named(extra.get("user_id", "")).exists():
            raise AccountClosed("The person with this user_id closed their account; a new one takes a new user_id.")
        user = self.model(email=email.lower(), username=username or email.split("@")[0], **extra)
        user.set_password(password) if password else user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, username: str = "", password: str | None = None, **extra: Any) -> "User":
        """Made by the operator, who stands for the address, too."""
        from accounts import addresses, audit  # which know the models

        with transaction.atomic(using=self._db):
            user = self.create_user(email, username, password, is_staff=True, is_superuser=True, **extra)
            addresses.vouch_for(user)
            audit.record("staff.created", about=user, said="Superuser")
        return user

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


class ClosedAccountQuerySet(models.QuerySet["ClosedAccount"]):
    """Closed accounts by the user_id they had."""

    def named(self, user_id: str) -> Self:
        return self.filter(digest=ClosedAccount.digest_of(user_id))


class ClosedAccount(models.Model):
    """A user_id whose person closed their account: as a digest, so that it is never given credits a second time."""

    digest = models.CharField(primary_key=True, max_length=64)
    closed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ClosedAccountQuerySet.as_manager()

    def __str__(self) -> str:
        return self.digest[:12]

    @staticmethod
    def digest_of(user_id: str) -> str:
        return hashlib.sha256(user_id.encode()).hexdigest()


class ClosedAddress(models.Model):
    """The email address of a closed account, as a keyed digest: a new account with it gets no sign-up credits again.

    Without the SECRET_KEY it cannot be found out by trying addresses."""

    digest = models.CharField(primary_key=True, max_length=64)
    closed_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.digest[:12]

    @staticmethod
    def digest_of(email: str) -> str:
        return salted_hmac("accounts.ClosedAddress", email.lower(), algorithm="sha256").hexdigest()


class ClientApp(models.Model):
    """One of the family of apps. First-party apps connect to a person on their first call."""

    slug = models.CharField(max_length=40, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_]{1,39}\Z")])
    name = models.CharField(max_length=80)
    hue = models.PositiveSmallIntegerField(default=220, validators=[MaxValueValidator(359)])
    first_party = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    logo_version = models.CharField(max_length=12, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class AppLogo(models.Model):
    """An app's logo as WebP, apart from its row so that lists never load it."""

    app = models.OneToOneField(ClientApp, on_delete=models.CASCADE, primary_key=True, related_name="+")
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"logo of {self.app}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by whether they still open the door."""

    def live(self) -> Self:
        return self.unended().filter(app__is_active=True)

    def unended(self) -> Self:
        """Neither revoked nor expired, whether or not their app may call at the moment."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()), revoked_at__isnull=True)


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
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"unk_{self.lookup}_…"

    if TYPE_CHECKING:
        app_id: int


class Connection(models.Model):
    """That an app may act for a person, and what that person set for it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="connections")
    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    daily_cap = models.PositiveIntegerField("daily cap (credits)", null=True, blank=True)
    cap_set_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    # What they agreed to at "Sign in with Unified"; an app that only calls with its key needs none.
    consented_scopes = models.JSONField(default=list, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)

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
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
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


class Mail(models.Model):
    """An email to a person that was decided on but not handed over yet; the row goes when the mail has gone.

    `template` names `<template>_subject.txt` and `<template>.txt`, which are rendered with `data` as it is sent."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    template = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.template} for {self.user}"


class IdempotencyRecord(models.Model):
    """What an app's key answered the first time; written in the same transaction as the effect.

    The row stays, so that its key never has a second effect. Without a `content_type` its answer was let go."""

    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    # Whom the answer is about; empty when it is about several people.
    user_id = models.CharField(max_length=128, default="")
    status = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=80, default="")
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["app", "endpoint", "key"], name="one_answer_per_idempotency_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=~Q(content_type=""), name="idempotency_answer_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.key}"

    if TYPE_CHECKING:
        app_id: int


class LoginLink(models.Model):
    """A door into one person's session that one app asked for; only the hash of its token is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    app = models.ForeignKey(ClientApp, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.app} for {self.user}"


class AuditEntry(models.Model):
    """Something that staff did, or that happened to a key: which, to what row, by whom. Nobody changes or deletes it.

    `id` is its place in the chain, without gaps; `details` are JSON, and erased when `person` closes their account."""

    id = models.PositiveBigIntegerField(primary_key=True)
    action = models.CharField(max_length=40, db_index=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=80)
    object_id = models.CharField("object", max_length=128)
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    request_id = models.CharField(max_length=128)
    details = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit log"
        indexes: ClassVar = [models.Index(fields=["kind", "object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.id} {self.action}"

    @property
    def is_erased(self) -> bool:
        return self.details.startswith(ERASED)

    @property
    def facts(self) -> dict[str, Any]:
        """What the details say; nothing once they are erased."""
        said: dict[str, Any] = {} if self.is_erased else json.loads(self.details)
        said.pop("salt", None)
        return said

    if TYPE_CHECKING:
        actor_id: int | None
        person_id: int | None


class AuditHead(models.Model):
    """The one row that says where the audit log ends: whoever holds its lock is the only one writing to the log."""

    last_id = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.last_id} {self.hash}"


class SigningKey(models.Model):
    """The key that signs ID tokens, sealed under SECRET_KEY; `name` says under which."""

    name = models.CharField(max_length=32, unique=True)
    sealed = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name[:8]
