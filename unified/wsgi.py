"""The WSGI application that every request goes through."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "unified.settings")
django.setup(set_prefix=False)

from unified.middleware import Utf8Handler  # noqa: E402 (the settings must be ready first)

application = Utf8Handler()
