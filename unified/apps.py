from django.apps import AppConfig


class UnifiedConfig(AppConfig):
    name = "unified"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib import admin
        from django.utils.translation import gettext_lazy as _

        from unified import checks  # noqa: F401  (registers the system check)

        admin.site.index_title = _("How it is going")
