from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.signals import request_finished
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def _guard(using: str, **_: Any) -> None:
    from accounts.append_only import install

    install(using)


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People and apps")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed

        from accounts import addresses, append_only, sign_ins, walls
        from accounts.chain import MAY_BE_ERASED

        append_only.protect("accounts_auditentry", key=("id",), erasable=("details", MAY_BE_ERASED.format("details")))
        # SQLite drops triggers whenever a migration remakes a table, so they are put back after every migrate.
        post_migrate.connect(_guard, sender=self)
        connection_created.connect(walls.guard)
        request_finished.connect(walls.lift)
        email_confirmed.connect(addresses.on_proof)
        user_logged_in.connect(sign_ins.succeeded)
        user_login_failed.connect(sign_ins.failed)
        sign_ins.watch_changes()
        from accounts import checks  # noqa: F401  (registers the system check)
