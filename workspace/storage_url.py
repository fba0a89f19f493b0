"""Reads STORAGE_URL: where the bytes of pictures go, when not into the database."""

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "s3://key:secret@s3.example.com/bucket?region=eu-central-1"
# What goes wrong is noticed by a person who waits: a few seconds, twice.
CONNECT_SECONDS = 3
READ_SECONDS = 10


def storage_of(url: str) -> dict[str, Any]:
    """The Django storage that an `s3://key:secret@host[:port]/bucket[?region=…&tls=0]` names.

    Raises ImproperlyConfigured, without repeating the secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise _refusal("it cannot be read") from None
    if parts.scheme != "s3" or parts.fragment:
        raise _refusal("it must start with s3://")
    if not parts.hostname or not parts.username or not parts.password:
        raise _refusal("key, secret and host are needed; special characters in them are percent-encoded")
    if not re.fullmatch(r"/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/?", parts.path):
        raise _refusal("after the host comes the name of the bucket, and nothing else")
    if not options.keys() <= {"region", "tls"} or options.get("tls", "1") not in {"0", "1"}:
        raise _refusal("after the ? come region and tls (0 or 1) only")
    scheme = "http" if options.get("tls") == "0" else "https"
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "access_key": unquote(parts.username),
            "secret_key": unquote(parts.password),
            "bucket_name": parts.path.strip("/"),
            "endpoint_url": f"{scheme}://{parts.hostname}{port}",
            # Whatever the machine's own AWS_… variables say of other things.
            "security_token": None,
            "session_profile": None,
            "region_name": options.get("region") or "us-east-1",
            # Nobody is ever sent to the storage: bytes go out through our own views.
            "default_acl": None,
            # A name is used once, so nothing needs to be looked for before it is written.
            "file_overwrite": True,
            **_client(),
        },
    }


def _client() -> dict[str, Any]:
    # Here, so that only those who use it wait for it at every start.
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 2, "mode": "standard"},
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # Not every server that speaks S3 knows the newer checksums; names carry a SHA-256 that we check ourselves.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return {"client_config": config, "transfer_config": TransferConfig(use_threads=False)}


def _refusal(why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"STORAGE_URL must look like {EXAMPLE}: {why}.")
