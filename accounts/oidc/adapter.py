"""What the provider says about itself and about a person."""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client, PrivateKey
from django.conf import settings

from accounts.models import User
from accounts.oidc import keys


class ProviderAdapter(DefaultOIDCAdapter):
    """One issuer whatever the Host header says, and people by the user_id that apps know them by."""

    def get_issuer(self) -> str:
        return settings.PUBLIC_URL

    def get_user_sub(self, client: Client, user: User) -> str:
        return user.user_id

    def get_user_by_sub(self, client: Client, sub: str) -> User | None:
        return User.objects.filter(user_id=sub, is_active=True).first()

    def list_private_keys(self, **_: Any) -> list[PrivateKey]:
        return [PrivateKey(pem=keys.signing_key())]

    def get_claims(
        self, purpose: str, user: User, client: Client | None, scopes: Iterable[str], email: str | None = None, **_: Any
    ) -> dict[str, Any]:
        claims: dict[str, Any] = {"sub": user.user_id}
        if "profile" in scopes:
            claims["name"] = user.username
        if "email" in scopes:
            verified = EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists()
            claims |= {"email": user.email, "email_verified": verified}
        return claims
