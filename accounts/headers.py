"""The headers that every answer carries, page, API, file, error or download: what a browser may do with it.

A view that needs another policy for its own answer sets that header itself, with what `page_policy` gives."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

# Everything is ours and comes from here; nothing in a page is code or style by itself.
_PAGE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}
FILE_POLICY = "default-src 'none'; form-action 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
# What no page of ours asks for. Passkeys and copying are left as browsers have them: our own pages only.
_DENIED = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "xr-spatial-tracking",
)
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _DENIED),
}


def page_policy(*, form_action: str = "") -> str:
    """The Content-Security-Policy of a page; `form_action` is one more origin that its form may lead to."""
    given = {**_PAGE, "form-action": f"'self' {form_action}".rstrip()}
    return "; ".join(f"{name} {value}" for name, value in given.items())


PAGE_POLICY = page_policy()


class SafeHeadersMiddleware:
    """Puts the headers on whatever leaves, also on what other middleware answers by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in SAFE_HEADERS.items():
            response.setdefault(name, value)
        # Its headers replace those the browser keeps with the page, whose type it does not know.
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return response
        is_page = response.get("Content-Type", "").startswith("text/html")
        response.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else FILE_POLICY)
        return response
