"""What every route answers to whom it is none of their business: one line a route, for test_route_sweep.

`<user_id>`, `<code>`, `<hold_id>`, `<transaction_id>` and so on stand for a name, in the path and in what is sent;
`<app>` for the caller's own app. What stands behind a `#` tells several cases of one route apart."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
ABOUT: Json = {"user_id": "<user_id>"}
PAID: Json = {**ABOUT, "app_name": "<app>", "amount": 1}
TEXT: Json = {**ABOUT, "app_source": "<app>", "project_type": "text", "title": "T", "content": "x"}
CODES: Json = {**ABOUT, "project_codes": ["<code>"]}


@dataclass(frozen=True)
class Call:
    """An API call: the scope it takes, its query or body, whether a browser session may make it, and what another app
    that the person lets in is told: None when it may, as with everything that only reads."""

    scope: str
    sent: Json = field(default_factory=dict)
    people: bool = False
    other_app: int | None = None


API: dict[str, Call] = {
    "POST create-user": Call("users:write", {"user_id": "rita01", "username": "Rita", "email": "rita@example.com"}),
    "GET user-info": Call("credits:read", ABOUT, people=True),
    "POST deduct-credits": Call("credits:charge", PAID),
    "POST deduct-credits/batch": Call("credits:charge", {"charges": [{**PAID, "key": "one"}]}),
    "POST save-project": Call("workspace:write", TEXT),
    "POST save-project #update": Call("workspace:write", {**TEXT, "project_code": "<code>"}, other_app=403),
    "POST save-project #hold": Call("workspace:write credits:charge", {**TEXT, "hold_id": "<hold_id>"}, other_app=403),
    "GET projects": Call("workspace:read", ABOUT, people=True),
    "POST projects/delete": Call("workspace:write", CODES, people=True, other_app=403),
    "POST projects/restore": Call("workspace:write", CODES, people=True, other_app=403),
    "POST projects/compress": Call("workspace:write", CODES, people=True, other_app=403),
    "GET project/<code>": Call("workspace:read", ABOUT, people=True),
    "PATCH project/<code>": Call("workspace:write", {**ABOUT, "title": "Mine"}, people=True, other_app=403),
    "DELETE project/<code>": Call("workspace:write", ABOUT, people=True, other_app=403),
    "GET project/<code>/content": Call("workspace:read", ABOUT, people=True),
    "GET project/<code>/thumbnail": Call("workspace:read", ABOUT, people=True),
    "GET project/<code>/versions": Call("workspace:read", ABOUT, people=True),
    "GET project/<code>/versions/<number>": Call("workspace:read", ABOUT, people=True),
    "POST project/<code>/versions/<number>/restore": Call("workspace:write", ABOUT, people=True, other_app=403),
    "GET transactions": Call("credits:read", {**ABOUT, "project_code": "<code>"}, people=True),
    "POST transaction/<transaction_id>/refund": Call("credits:refund", {**ABOUT, "reason": "Mine"}, other_app=403),
    "GET storage-stats": Call("workspace:read", ABOUT, people=True),
    "GET cleanup": Call("workspace:read", ABOUT, people=True),
    "GET storage-statement": Call("workspace:read", {**ABOUT, "project_code": "<code>"}, people=True),
    "POST give-bonus-credits": Call("credits:grant", {**ABOUT, "amount": 1, "reason": "Mine"}),
    "GET prices": Call("credits:read", people=True),
    "POST estimate": Call("credits:read", {**ABOUT, "operation": "file_processing"}, people=True),
    "POST holds": Call("credits:charge", PAID),
    "GET hold/<hold_id>": Call("credits:read", ABOUT),
    "DELETE hold/<hold_id>": Call("credits:charge", ABOUT, other_app=403),
    "POST hold/<hold_id>/capture": Call("credits:charge", ABOUT, other_app=403),
    "POST hold/<hold_id>/release": Call("credits:charge", ABOUT, other_app=403),
    "POST hold/<hold_id>/extend": Call("credits:charge", {**ABOUT, "ttl_seconds": 60}, other_app=403),
    "POST login-link": Call("users:write", ABOUT),
    "GET events": Call("events:read", ABOUT, people=True),
    "GET events/stream": Call("events:read", ABOUT, people=True),
}

# A page of the signed-in person's: what a POST sends. Strangers are sent to sign in, and another's code is no code.
SIGNED_IN: dict[str, Json] = {
    "GET ": {},
    "GET account/": {},
    "POST account/": {"username": "Mallory"},
    "POST account/sessions/<number>/end": {},
    "GET account/close": {},
    "POST account/close": {"email": "alice@example.com"},
    "POST account/apps/<slug>/cap": {"daily_cap": "5"},
    "POST account/apps/<slug>/disconnect": {},
    "POST account/apps/<slug>/reconnect": {},
    "POST account/export": {},
    "GET credits/": {},
    "POST credits/low-balance/": {"low_mark": "5"},
    "POST storage/low-storage/": {"full_mark": "5"},
    "GET credits/statement.csv": {},
    "GET projects/": {},
    "GET projects/<code>/": {},
    "GET projects/<code>/content": {},
    "GET projects/<code>/thumbnail": {},
    "POST projects/<code>/delete": {},
    "POST projects/<code>/favourite": {},
    "POST projects/<code>/purge": {},
    "POST projects/<code>/rename": {"title": "Mine"},
    "POST projects/<code>/restore": {},
    "POST projects/<code>/tags": {"add": "mine"},
    "GET projects/<code>/versions/<number>": {},
    "POST projects/<code>/versions/<number>/restore": {},
    "POST projects/compress": {"code": "<code>", "agreed": "1"},
    "POST projects/delete": {"code": "<code>"},
    "POST projects/download": {"code": "<code>"},
    "POST projects/restore": {"code": "<code>"},
    "POST projects/revert": {"code": "<code>"},
    "GET storage/": {},
    "POST storage/preferences": {"fit": "on"},
    "GET storage/statement.csv": {},
    "POST storage/trash/empty": {},
    "GET accounts/email/": {},
    "POST accounts/email/": {"email": "mallory@example.com", "action_add": "1"},
    "GET accounts/logout/": {},
    "POST accounts/logout/": {},
    "GET accounts/password/change/": {},
    "POST accounts/password/change/": {},
    "GET accounts/password/set/": {},
    "POST accounts/password/set/": {},
    "GET accounts/reauthenticate/": {},
    "POST accounts/reauthenticate/": {},
    "GET accounts/reauthenticate/code/": {},
    "POST accounts/reauthenticate/code/": {},
    "GET accounts/sessions/": {},
    "POST accounts/sessions/": {},
    "GET accounts/2fa/": {},
    "GET accounts/2fa/reauthenticate/": {},
    "POST accounts/2fa/reauthenticate/": {},
    "GET accounts/2fa/recovery-codes/": {},
    "GET accounts/2fa/recovery-codes/download/": {},
    "GET accounts/2fa/recovery-codes/generate/": {},
    "POST accounts/2fa/recovery-codes/generate/": {},
    "GET accounts/2fa/totp/activate/": {},
    "POST accounts/2fa/totp/activate/": {},
    "GET accounts/2fa/totp/deactivate/": {},
    "POST accounts/2fa/totp/deactivate/": {},
    "GET accounts/2fa/webauthn/": {},
    "GET accounts/2fa/webauthn/add/": {},
    "POST accounts/2fa/webauthn/add/": {},
    "GET accounts/2fa/webauthn/keys/<pk>/edit/": {},
    "POST accounts/2fa/webauthn/keys/<pk>/edit/": {},
    "GET accounts/2fa/webauthn/keys/<pk>/remove/": {},
    "POST accounts/2fa/webauthn/keys/<pk>/remove/": {},
    "GET accounts/2fa/webauthn/reauthenticate/": {},
    "POST accounts/2fa/webauthn/reauthenticate/": {},
}

# Open to everybody, and of nobody: what a stranger may be answered with, whoever they are.
OPEN: dict[str, set[int]] = {
    "GET healthz": {200},
    "GET readyz": {200},
    "GET apps.css": {200},
    "GET apps/<slug>/logo": {404},
    "GET account/closed": {200},
    "GET styleguide/": {200, 302, 403, 404},
    "GET api/docs": {200},
    "GET api/schema": {200},
    "GET api": {404},
    "POST api": {404},
    "PUT api": {404},
    "PATCH api": {404},
    "DELETE api": {404},
    "GET ws/unified": {401, 426},
    "GET accounts/signup/": {200, 302},
    "POST accounts/signup/": {200, 302},
    "GET accounts/signup/code/": {200, 302},
    "POST accounts/signup/code/": {200, 302},
    "GET accounts/login/": {200, 302},
    "POST accounts/login/": {200, 302},
    "GET accounts/login/code/": {200, 302},
    "POST accounts/login/code/": {200, 302},
    "GET accounts/login/code/confirm/": {200, 302},
    "POST accounts/login/code/confirm/": {200, 302},
    "GET accounts/inactive/": {200},
    "GET accounts/link/<token>": {410},
    "GET accounts/confirm-email/": {200, 302},
    "GET accounts/confirm-email/<key>/": {200, 302, 404},
    "POST accounts/confirm-email/<key>/": {200, 302, 404},
    "GET accounts/password/reset/": {200, 302},
    "POST accounts/password/reset/": {200, 302},
    "GET accounts/password/reset/confirm/": {200, 302},
    "POST accounts/password/reset/confirm/": {200, 302},
    "GET accounts/password/reset/complete/": {200, 302},
    "POST accounts/password/reset/complete/": {200, 302},
    "GET accounts/password/reset/done/": {200, 302},
    "GET accounts/password/reset/key/done/": {200, 302},
    "GET accounts/password/reset/key/<uidb36>-<key>/": {200, 302},
    "POST accounts/password/reset/key/<uidb36>-<key>/": {200, 302},
    "GET accounts/2fa/authenticate/": {200, 302},
    "POST accounts/2fa/authenticate/": {200, 302},
    "GET accounts/2fa/webauthn/login/": {200, 302},
    "POST accounts/2fa/webauthn/login/": {200, 302},
    "GET .well-known/openid-configuration": {200},
    "GET oauth/authorize": {302, 400},
    "POST oauth/authorize": {302, 400},
    "GET oauth/jwks.json": {200},
    "POST oauth/token": {400, 401},
    "GET oauth/userinfo": {401},
    "POST oauth/userinfo": {401},
    "POST oauth/revoke": {200, 400, 401},
}

# Of the admin, what staff without any permission may open; everything else there is shut to them.
ADMIN_LOBBY = {
    "admin/",
    "admin/login/",
    "admin/logout/",
    "admin/password_change/",
    "admin/password_change/done/",
    "admin/jsi18n/",
}
