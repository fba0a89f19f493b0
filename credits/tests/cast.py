"""What tests need of the ledger: a price book in every test, and a ledger that can be emptied after a committed one."""

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps

from accounts import append_only
from accounts.tests.cast import is_transactional
from credits.models import Package, Price


@pytest.fixture(autouse=True)
def ledger_can_be_emptied(request: pytest.FixtureRequest, client_apps_are_installed: None) -> Iterator[None]:
    """Prices and packages before a transactional test, no append-only triggers when its rows are deleted afterwards."""
    if not is_transactional(request):
        yield
        return
    # The emptying after the last such test ended in post_migrate, which must have brought the triggers back.
    assert append_only.missing() == []
    if not Price.objects.exists():
        import_module("credits.migrations.0002_default_prices").install(apps, None)
    if not Package.objects.exists():
        import_module("credits.migrations.0014_default_packages").install(apps, None)
    yield
    append_only.remove()
