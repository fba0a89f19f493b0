"""What a page says once, kept in a cookie until the next page has said it."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class HostOnlyMessages(CookieStorage):
    """Signed messages in a cookie that no other host can set."""

    cookie_name = f"{settings.HOST_ONLY}messages"
