"""Takes out of a text what opens a door: app keys, one-time links, cookies, tokens and whatever is named a secret."""

import re

GONE = "[hidden]"

_NAMES = (
    r"\b(?:__Host-)?(?:sessionid|csrftoken|csrfmiddlewaretoken|password[12]?|oldpassword|recovery_code|otp|code"
    r"|code_verifier|access_token|refresh_token|id_token|client_secret|secret|token)[\"']?\s*[=:]\s*"
)
# What stands before the secret is kept, so that a reader still sees what it was.
_SECRETS = re.compile(
    r"(unk_[a-z0-9]{8}_)[0-9a-zA-Z]+"
    r"|(/accounts/(?:link|confirm-email|password/reset/key)/)[^\s/?\"'<>#]+"
    r"|((?:Bearer|Basic)\s+)[^\s\"',;<>]+"
    rf"|({_NAMES}\")[^\"\n]+"
    rf"|({_NAMES}')[^'\n]+"
    rf"|({_NAMES})[^\s\"'&;,<>)}}\]]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """`text` without secrets."""
    return _SECRETS.sub(lambda match: f"{next(filter(None, match.groups()))}{GONE}", text)
