from django.apps import AppConfig


class UnifiedConfig(AppConfig):
    name = "unified"
    default_auto_field = "django.db.models.BigAutoField"
