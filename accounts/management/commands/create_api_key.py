"""A key for a client app, from the shell."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.errors import TooManyKeys
from accounts.models import SCOPES, ClientApp


class Command(BaseCommand):
    help = "Issue a key for a client app. The key stands alone on the last line and cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", help="the app's slug, such as penora")
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            dest="scopes",
            help="a scope of the key; repeat it for several. Default: all but credits:grant and credits:refund",
        )

    def handle(self, *args: Any, app: str, scopes: list[str] | None, **options: Any) -> None:
        owner = ClientApp.objects.filter(slug=app).first()
        if owner is None:
            known = ", ".join(ClientApp.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no app '{app}'. The apps are: {known}.")
        try:
            key, plaintext = services.create_api_key(app=owner, scopes=scopes)
        except TooManyKeys as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"1 key for {owner.name}, with {len(key.scopes)} scopes: {' '.join(key.scopes)}")
        self.stdout.write(plaintext)
