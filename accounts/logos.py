"""An app's logo: whatever picture staff upload becomes a small square WebP of our own making."""

import hashlib
import io
import warnings

from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from accounts.errors import InvalidField
from accounts.models import AppLogo, ClientApp

# Sharp at 44 CSS pixels, the largest a page shows it, on a screen with twice and thrice as many.
SIDE = 128
MAX_BYTES = 1_048_576
MAX_PIXELS = 4_194_304
# No SVG: it is a document that can act.
FORMATS = ("PNG", "JPEG", "WEBP")


def draw(data: bytes) -> bytes:
    """A PNG, JPEG or WebP picture of at most 1 MB and 4 million pixels as a square WebP.

    It is decoded and drawn anew, so nothing of the file but its colours is kept. Raises InvalidField."""
    if len(data) > MAX_BYTES:
        raise InvalidField("logo", _("The file is larger than 1 MB."))
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("error")
            if picture.width * picture.height > MAX_PIXELS or getattr(picture, "n_frames", 1) > 1:
                raise InvalidField("logo", _("The picture is too large or moves."))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        raise InvalidField("logo", _("This is no PNG, JPEG or WebP picture.")) from None
    square = ImageOps.pad(upright, (SIDE, SIDE), color=(0, 0, 0, 0))
    out = io.BytesIO()
    square.save(out, "WEBP", quality=90, method=6)
    return out.getvalue()


@transaction.atomic
def set_logo(*, app: ClientApp, drawn: bytes) -> None:
    """Show what `draw` made wherever `app` is named."""
    AppLogo.objects.update_or_create(app=app, defaults={"data": drawn})
    app.logo_version = hashlib.sha256(drawn).hexdigest()[:12]
    app.save(update_fields=["logo_version"])


@transaction.atomic
def remove_logo(*, app: ClientApp) -> None:
    """Go back to the app's initial on its colour."""
    AppLogo.objects.filter(app=app).delete()
    app.logo_version = ""
    app.save(update_fields=["logo_version"])
