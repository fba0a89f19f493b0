"""Client apps, their keys, and whom they may act for."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.core.validators import MaxValueValidator, MinLengthValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User

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
