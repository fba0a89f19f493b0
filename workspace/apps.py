from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _install_search_index(using: str, **_: Any) -> None:
    from workspace.search_index import install

    install(using)


class WorkspaceConfig(AppConfig):
    name = "workspace"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import append_only

        append_only.protect(
            "workspace_storageentry", key=("workspace_id", "number"), erasable=("title", "NEW.title = ''")
        )
        # As with the ledger's triggers: SQLite drops them whenever a migration remakes their table.
        post_migrate.connect(_install_search_index, sender=self)
        from workspace import checks  # noqa: F401  (registers the system checks)
