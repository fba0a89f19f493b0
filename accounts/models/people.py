"""People, and what is kept of those who left."""

import hashlib
import secrets
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.errors import AccountClosed

USER_ID_PATTERN = r"^[A-Za-z0-9._@:-]{1,128}\Z"


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
