"""A demo person whose projects two example apps made over HTTP."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from accounts import addresses, services
from accounts.models import ClientApp, User
from workspace.models import Project

USER_ID = "demo"
EMAIL = "demo@example.com"
EXAMPLES = settings.BASE_DIR / "examples"
CLIENTS = ("penora", "imagegene")


class Command(BaseCommand):
    help = "Have the two example clients make projects for a demo user over HTTP; the server must be running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        here = f"http://127.0.0.1:{settings.PORT}"
        parser.add_argument("--base-url", default=here, help=f"where the server is (default {here})")

    def handle(self, *args: Any, base_url: str, **options: Any) -> None:
        user = User.objects.filter(user_id=USER_ID).first()
        if user is not None and Project.objects.owned_by(user).exists():
            self.stdout.write("The demo user is there already; 0 projects made.")
            return
        for slug, works in _rounds():
            _run_client(slug, works, base_url)
        user = User.objects.get(user_id=USER_ID)
        password = secrets.token_urlsafe(9)
        user.set_password(password)
        user.save(update_fields=["password"])
        addresses.vouch_for(user)
        count = Project.objects.owned_by(user).count()
        self.stdout.write(f"The example clients made {count} projects for {EMAIL} / {password}")


def _rounds() -> list[tuple[str, list[Any]]]:
    """Each client's demo works in two halves, the clients taking turns, so that their works mix."""
    batches = {slug: json.loads((EXAMPLES / slug / "demo.json").read_text()) for slug in CLIENTS}
    halves = {slug: len(works) // 2 for slug, works in batches.items()}
    first = [(slug, batches[slug][: halves[slug]]) for slug in CLIENTS]
    return first + [(slug, batches[slug][halves[slug] :]) for slug in reversed(CLIENTS)]


def _run_client(slug: str, works: list[Any], base_url: str) -> None:
    """Run one example client with a key that is revoked when it ends. Raises CommandError with what it said."""
    key, plaintext = services.create_api_key(app=ClientApp.objects.get(slug=slug), label="seed_demo")
    command = [sys.executable, str(EXAMPLES / slug / "main.py"), "--user", USER_ID, "--create", "--email", EMAIL]
    environment = {"PATH": os.environ.get("PATH", ""), "UNIFIED_URL": base_url, "UNIFIED_KEY": plaintext}
    with tempfile.TemporaryDirectory() as folder:
        batch = Path(folder) / "works.json"
        batch.write_text(json.dumps(works))
        command += ["--username", "Demo", "--batch", str(batch), "--keep-in", folder]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        finally:
            services.revoke_api_key(key=key)
    if done.returncode != 0:
        raise CommandError(f"{slug} ended with status {done.returncode}: {done.stderr or done.stdout}")
