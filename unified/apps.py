from django.apps import AppConfig


class UnifiedConfig(AppConfig):
    name = "unified"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from unified import checks  # noqa: F401  (registers the system check)
