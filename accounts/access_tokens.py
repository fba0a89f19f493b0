"""Access tokens: an app that acts for the one person who signed in to it, with what both were allowed."""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from allauth.idp.oidc.models import Token
from django.utils import timezone

from accounts import consents
from accounts.models import ApiKey, ClientApp, User

# Codes that were used, and tokens that were replaced, are kept a while: who shows one again stole it.
KEPT_AFTER_EXPIRY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`request.auth` of a call with an access token; `scopes` are those of the token, the consent and the app."""

    pk: int
    app: ClientApp
    user: User
    scopes: frozenset[str]

    @property
    def app_id(self) -> int:
        return self.app.pk


# Whoever an app sends: with its own key for all its people, or with one person's token for them.
AppCaller = ApiKey | AccessToken


def authenticate(*, plaintext: str) -> AccessToken | None:
    """The token that `plaintext` is, or None: unknown, expired, revoked, or its person or app is gone."""
    if not re.fullmatch(r"uat_[A-Za-z0-9_-]{43}", plaintext):
        return None
    row = Token.objects.lookup(Token.Type.ACCESS_TOKEN, plaintext)
    if row is None:
        return None
    connection = consents.standing(user=row.user, slug=row.client_id)
    if connection is None:
        return None
    allowed = set(connection.consented_scopes) & set(row.client.get_scopes())
    return AccessToken(row.pk, connection.app, row.user, frozenset(allowed.intersection(row.get_scopes())))


def alive(token: AccessToken) -> bool:
    """Whether a token that was shown a while ago still is one."""
    found = Token.objects.valid().filter(pk=token.pk).exists()
    return found and consents.standing(user=token.user, slug=token.app.slug) is not None


def revoke(*, user: User, app: ClientApp) -> None:
    """End every code and token with which `app` acts for `user`, at once."""
    Token.objects.filter(user=user, client_id=app.slug).delete()


def revoke_family(row: Token) -> None:
    """End every token that came out of the same sign-in as `row`, and that row."""
    family = Token.objects.filter(client=row.client_id, user=row.user_id, data__family=row.data["family"])
    family.delete()


def prune() -> int:
    """Delete what expired long enough ago and return how many there were."""
    deleted, _ = Token.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_EXPIRY).delete()
    return int(deleted)


def digest(secret: str) -> str:
    """How codes, tokens and client secrets are kept. They have 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
