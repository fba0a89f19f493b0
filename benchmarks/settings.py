"""The product's settings, with one route more and, where it can run, the ledger that ours is compared with."""

from unified.settings import *  # noqa: F403
from unified.settings import DATABASES, INSTALLED_APPS

ROOT_URLCONF = "benchmarks.urls"

# django-hordak keeps its books with triggers that it has for PostgreSQL and MySQL only.
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    INSTALLED_APPS = [*INSTALLED_APPS, "mptt", "hordak"]
