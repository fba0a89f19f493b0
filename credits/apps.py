from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import append_only
        from accounts.chain import MAY_BE_ERASED

        append_only.protect(
            "credits_entry", key=("wallet_id", "version"), erasable=("description", MAY_BE_ERASED.format("description"))
        )
        append_only.protect("credits_allocation", key=("id",))
        append_only.protect("credits_chargekey", key=("app_id", "key"))
