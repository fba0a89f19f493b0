"""The apps' registrations at the provider: where they may send people back to, what they may ask for, their secret."""

import hmac
import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import transaction

from accounts import access_tokens, audit
from accounts.errors import InvalidField
from accounts.models import ClientApp

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
GRANTS = [Client.GrantType.AUTHORIZATION_CODE, Client.GrantType.REFRESH_TOKEN]


def registered(client_id: str) -> Client | None:
    """The registration of an app that may sign people in now, or None. Its id is the app's slug."""
    if not re.fullmatch(r"[a-z0-9_]{1,40}", client_id):
        return None
    if not ClientApp.objects.filter(slug=client_id, is_active=True).exists():
        return None
    return Client.objects.filter(pk=client_id).first()


@transaction.atomic
def register(*, app: ClientApp, redirect_uris: Sequence[str], scopes: Sequence[str]) -> Client:
    """Set where people may be sent back to and what `app` may ask them for. A new registration has no secret yet.

    Raises InvalidField for an address that is not safe to send a code to."""
    for uri in redirect_uris:
        if fault := fault_of(uri):
            raise InvalidField("redirect_uris", f"{uri}: {fault}")
    ClientApp.objects.select_for_update().get(pk=app.pk)
    client = Client.objects.filter(pk=app.slug).first() or Client(id=app.slug, secret="")
    client.name, client.type = app.name, Client.Type.CONFIDENTIAL
    client.set_grant_types([str(grant.value) for grant in GRANTS])
    client.set_response_types([Client.ResponseType.CODE.value])
    client.set_redirect_uris(list(redirect_uris))
    client.set_scopes(["openid", *(scope for scope in scopes if scope != "openid")])
    client.set_default_scopes(["openid"])
    client.save()
    audit.record("sign_in.registered", about=app, redirect_uris=list(redirect_uris), scopes=client.get_scopes())
    return client


@transaction.atomic
def issue_secret(*, app: ClientApp) -> str:
    """A new secret for a registered app, in place of the one it had; it is not kept and cannot be shown again."""
    secret = f"ucs_{secrets.token_urlsafe(32)}"
    Client.objects.filter(pk=app.slug).update(secret=access_tokens.digest(secret))
    audit.record("sign_in.secret_issued", about=app)
    return secret


def proves(client: Client, secret: str) -> bool:
    """Whether `secret` is the app's."""
    return bool(client.secret) and hmac.compare_digest(access_tokens.digest(secret), client.secret)


def fault_of(uri: str) -> str | None:
    """Why a redirect address cannot be taken, or None when it can.

    Plain http only to the app's own machine, or where Unified itself is served without TLS."""
    if len(uri) > 500 or not re.fullmatch(r"[!-~]+", uri) or "*" in uri or "\\" in uri:
        return "must be an address of at most 500 visible ASCII characters, without a wildcard."
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is not an address."
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must start with https:// and name a host."
    if parts.username is not None or "#" in uri:
        return "must have no user name and no fragment."
    if parts.scheme == "http" and settings.SECURE and parts.hostname not in LOOPBACK:
        return "must start with https://."
    return None
