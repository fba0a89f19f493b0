from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _protect(using: str, **_: Any) -> None:
    from credits.append_only import install

    install(using)


class CreditsConfig(AppConfig):
    name = "credits"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # SQLite drops triggers whenever a migration remakes a table, so they are put back after every migrate.
        post_migrate.connect(_protect, sender=self)
        from credits import checks  # noqa: F401  (registers the system check)
