"""The WSGI application that every request goes through."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "unified.settings")
application = get_wsgi_application()
