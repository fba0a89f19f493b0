"""Every setting, read from the environment; a wrong value stops the start with a sentence that names it."""

import os
import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from whitenoise.compress import Compressor

from workspace.storage_url import storage_of

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def _flag(name: str, default: bool) -> bool:
    """A boolean that refuses anything but 0/1/true/false, so that DEBUG=flase cannot mean something."""
    value = os.environ.get(name, "").strip().lower()
    if value not in {"", "0", "1", "true", "false"}:
        raise ImproperlyConfigured(f"{name} must be 0, 1, true or false.")
    return default if value == "" else value in {"1", "true"}


def _url(name: str, default: str) -> str:
    value = str(env.str(name, default="") or default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        raise ImproperlyConfigured(f"{name} must look like https://host[:port], without a path.")
    return value


def _port() -> int:
    value = os.environ.get("PORT", "8000")
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
        raise ImproperlyConfigured("PORT must be a number from 1 to 65535.")
    return int(value)


def _hosts() -> list[str]:
    given = os.environ.get("ALLOWED_HOSTS", "")
    if not given:
        return ["127.0.0.1", "localhost", "[::1]", urlsplit(PUBLIC_URL).hostname or ""]
    hosts = given.split(",")
    if any(not re.fullmatch(r"\*|\.?[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]", host) for host in hosts):
        raise ImproperlyConfigured("ALLOWED_HOSTS must be host names separated by commas, without spaces or ports.")
    return hosts


def _count(name: str) -> int:
    value = os.environ.get(name, "") or "0"
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number.")
    return int(value)


def _rate_limits() -> dict[str, tuple[int, int]]:
    """Calls and seconds by what is limited; RATE_LIMITS replaces those it names."""
    limits = {"key": (60_000, 60), "user": (12_000, 60), "address": (600, 60), "token": (600, 60)}
    for given in filter(None, os.environ.get("RATE_LIMITS", "").split(",")):
        match = re.fullmatch(r"(key|user|address|token)=([1-9][0-9]{0,8})/([1-9][0-9]{0,5})", given)
        if match is None:
            raise ImproperlyConfigured(
                "RATE_LIMITS must look like key=60000/60,user=12000/60,address=600/60,token=600/60."
            )
        limits[match[1]] = int(match[2]), int(match[3])
    return limits


def _email() -> dict[str, Any]:
    url = os.environ.get("EMAIL_URL") or "consolemail://"
    if urlsplit(url).scheme not in environ.Env.EMAIL_SCHEMES:
        raise ImproperlyConfigured(
            f"EMAIL_URL must start with one of {', '.join(environ.Env.EMAIL_SCHEMES)}, then ://."
        )
    return dict(environ.Env.email_url_config(url))


def _stripe_key() -> str:
    value = str(env.str("STRIPE_SECRET_KEY", default=""))
    if value and not re.fullmatch(r"(sk|rk)_[A-Za-z0-9_]+", value):
        raise ImproperlyConfigured("STRIPE_SECRET_KEY must be a secret or restricted key: sk_… or rk_….")
    return value


def _stripe_webhook_secret() -> str:
    value = str(env.str("STRIPE_WEBHOOK_SECRET", default=""))
    if value and not re.fullmatch(r"whsec_[A-Za-z0-9_+/=-]+", value):
        raise ImproperlyConfigured("STRIPE_WEBHOOK_SECRET must be the signing secret of a webhook endpoint: whsec_….")
    return value


def _metrics_token() -> str:
    value = str(env.str("METRICS_TOKEN", default=""))
    if value and not re.fullmatch(r"[!-~]{32,}", value):
        raise ImproperlyConfigured("METRICS_TOKEN must be at least 32 random characters of ASCII, without spaces.")
    return value


def _check_sqlite() -> None:
    """The ledger updates rows out of a list of values (SQLite 3.33), and rows made together get keys (3.35)."""
    if sqlite3.sqlite_version_info < (3, 35):
        raise ImproperlyConfigured(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed.")


def _sqlite_journal() -> str:
    """WAL only with a library that cannot corrupt it on reset (fixed in 3.51.3, 3.50.7 and 3.44.6)."""
    version = sqlite3.sqlite_version_info
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "WAL" if fixed else "DELETE"


def _database() -> dict[str, Any]:
    url = env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'unified.sqlite3'}")
    if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgres://.")
    config: dict[str, Any] = dict(env.db_url_config(url))
    if config["ENGINE"].endswith("sqlite3"):
        _check_sqlite()
        # IMMEDIATE takes the write lock at BEGIN: with the default, racing writers die "database is locked".
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": f"PRAGMA journal_mode={_sqlite_journal()}; PRAGMA synchronous=FULL;",
        }
    else:
        config["OPTIONS"] = {**config.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": 16, "timeout": 10}}
    return config


SECRET_KEY = env.str("SECRET_KEY", default="")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY must be set to at least 50 random characters (`make run` makes one).")
DEBUG = _flag("DEBUG", default=False)
DEMO = _flag("DEMO", default=True)
PORT = _port()
PUBLIC_URL = _url("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
ALLOWED_HOSTS = _hosts()

INSTALLED_APPS = [
    "unified",
    "workspace",
    "credits",
    "accounts",
    "accounts.admin_config.AuditedAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.idp.oidc",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "unified.metrics.MeasuringMiddleware",
    "unified.middleware.RequestIdMiddleware",
    "unified.logs.RefusalLogMiddleware",
    "accounts.headers.SafeHeadersMiddleware",
    "unified.problems.EncryptedApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.rate_limits.RateLimitMiddleware",
    "unified.middleware.PrivateByDefaultMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "unified.middleware.PageLanguageMiddleware",
    "unified.middleware.ReaderZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.staff_door.StaffDoorMiddleware",
    "accounts.walls.WallMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "unified.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "unified.urls"
WSGI_APPLICATION = "unified.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL must start with redis://, rediss:// or unix://.")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Else a server that takes connections and says nothing would hold every thread.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
    if REDIS_URL
    # Counters of rate limits must not be culled while their window runs: Django would keep 300 entries.
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 1_000_000}}
}
RATE_LIMITS = _rate_limits()
TRUSTED_PROXIES = ALLAUTH_TRUSTED_PROXY_COUNT = _count("TRUSTED_PROXIES")

AUTH_USER_MODEL = "accounts.User"
# One backend: with Django's own beside it every attempt would hash twice.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# OWASP's second recommended Argon2id setting: 19 MiB and 2 passes, about 32 ms a check instead of 100 MiB.
PASSWORD_HASHERS = ["accounts.hashers.TunedArgon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
IDP_OIDC_ADAPTER = "accounts.oidc.adapter.ProviderAdapter"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
# Codes and no links: what a mail lets in is the browser that asked for it, not whoever clicks.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 900
ACCOUNT_CHANGE_EMAIL = ACCOUNT_EMAIL_NOTIFICATIONS = ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_FORMS = {
    "request_login_code": "accounts.sign_in_forms.LoginCodeForm",
    "reset_password": "accounts.sign_in_forms.ResetForm",
}
# Beside allauth's own limits for signing in, codes and resets, which count by address and by account.
ACCOUNT_RATE_LIMITS = {"signup": "20/m/ip,5/10m/key", "reset_password": "20/m/ip,5/10m/key"}
MFA_ADAPTER = "accounts.factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Unified"
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    name: f"accounts.factor_forms.{form}"
    for name, form in {
        "authenticate": "AuthenticateForm",
        "reauthenticate": "ReauthenticateForm",
        "add_webauthn": "AddPasskeyForm",
        "authenticate_webauthn": "AuthenticatePasskeyForm",
        "login_webauthn": "LoginPasskeyForm",
        "reauthenticate_webauthn": "ReauthenticatePasskeyForm",
    }.items()
}
# Staff work behind a second factor; not where DEBUG says that this is somebody's own machine.
STAFF_NEED_SECOND_FACTOR = not DEBUG

vars().update(_email())

DEFAULT_FROM_EMAIL = f"Unified <no-reply@{urlsplit(PUBLIC_URL).hostname}>"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Unified] "

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("en-us", "English (United States)"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["unified.formats"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "media"}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Absent: the database keeps the bytes of pictures.
if STORAGE_URL := env.str("STORAGE_URL", default=""):
    STORAGES["content"] = storage_of(STORAGE_URL)
# Credits are on sale where both are set; STRIPE_API_BASE is where tests have a server that answers like Stripe.
STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET = _stripe_key(), _stripe_webhook_secret()
STRIPE_API_BASE = _url("STRIPE_API_BASE", "https://api.stripe.com")
# /metrics is there for whoever shows it; nothing is measured without.
METRICS_TOKEN = _metrics_token()
# Nobody's page but ours has a use for our files.
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Source maps are for developers' tools, and by far the slowest files to compress.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# No other host, not even a neighbour under the same domain, can set a cookie of this name. Browsers want it over TLS.
HOST_ONLY = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{HOST_ONLY}sessionid", f"{HOST_ONLY}csrftoken"
MESSAGE_STORAGE = "unified.flashes.HostOnlyMessages"
SECURE_SSL_REDIRECT = SECURE
# Who looks after the process does so from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "unified.api.csrf_failure"
SIGNUP_BASE_CREDITS = 50
SIGNUP_BONUS_CREDITS = 10
WORKSPACE_LIMIT_BYTES = 1_048_576
MAX_TEXT_BYTES = 524_288
# Of one person, the trash included: what does not count in bytes (titles, metadata, empty texts) is bounded by this.
MAX_PROJECTS = 20_000
# Of one person: so many times their limit in bytes may what their projects are found by take. Texts that fit the
# workspace stay below half of it; metadata, and texts that are kept once and shown often, do not count in bytes.
MAX_WORDS_TIMES_LIMIT = 32
MAX_UPLOAD_BYTES = 16 * 1_048_576
MAX_BODY_BYTES = 24 * 1_048_576
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.AppKeyAuthentication",
        "accounts.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.CallerMay"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.rate_limits.CallerRate"],
    "DEFAULT_PARSER_CLASSES": ["unified.api.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest_framework.negotiation.DefaultContentNegotiation",
    "DEFAULT_SCHEMA_CLASS": "unified.schema.OperationSchema",
    "DEFAULT_PAGINATION_CLASS": "unified.api.KeysetPagination",
    "EXCEPTION_HANDLER": "unified.api.exception_handler",
    "COERCE_DECIMAL_TO_STRING": False,
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Unified API",
    "DESCRIPTION": "One credit wallet and one workspace per person, shared by a family of apps.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": PUBLIC_URL}],
    "CONTACT": {},
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "HoldStatusEnum": "credits.models.Hold.Status",
        "PurchaseStatusEnum": "credits.models.Purchase.Status",
    },
    "PREPROCESSING_HOOKS": ["unified.schema.documented_paths"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "unified.schema.finish"],
    "SCHEMA_PATH_PREFIX": "/api/unified/",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "unified.middleware.RequestIdFilter"},
        "refusals": {"()": "unified.middleware.RefusalFilter"},
    },
    "formatters": {"line": {"()": "unified.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.request": {"filters": ["refusals"]},
        # A wrong Host is a stranger's mistake, answered with 400; it is not ours to be woken for.
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
        # It tells of every call, two lines each.
        "stripe": {"level": "WARNING"},
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
