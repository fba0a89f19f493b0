"""How a log line is written: one line per event, with the request's id, and without what opens a door.

Also what is written about refusals: who was not let in where is worth a line, however politely they were answered."""

import logging
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import asking
from accounts.redaction import redact

logger = logging.getLogger(__name__)

LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Who asks is not known, not let in, or comes too often.
WORTH_A_LINE = (401, 403, 429)


class LineFormatter(logging.Formatter):
    """Lines that nobody can forge by sending a line break, and tracebacks, both without secrets."""

    converter = staticmethod(time.gmtime)
    default_time_format, default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RefusalLogMiddleware:
    """Notes every answer that let somebody not in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code in WORTH_A_LINE:
            key = asking.key() or "no key"
            what = (response.status_code, request.method, request.path, asking.address() or "nowhere", key)
            logger.info("refused with %s: %s %s from %s, %s", *what)
        return response
